package nestbox.x86.system;

import java.util.ArrayList;
import java.util.List;
import nestbox.mmu.memory.PhysicalMemory;
import nestbox.x86.Reg;
import nestbox.x86.model.CpuFeatures;
import nestbox.x86.model.Feature;
import nestbox.x86.model.Vendor;

/**
 * Where the state save area of system management mode holds each register, as rows of item, offset from SMBASE + 8000h, and
 * bytes (SDM Vol. 3, "SMRAM State Save Map" and "SMRAM State Save Map for Intel 64 Architecture"; APM Vol. 2, "AMD64 Architecture SMM
 * State-Save Area"). Hidden parts of segments, for which Intel reserves room without naming it, lie at the area's start.
 */
final class SaveMap {
    /** Items 0 to 15 are the general registers in encoding order. */
    static final int RIP = 16;

    static final int RFLAGS = 17;
    static final int CR0 = 18;
    static final int CR3 = 19;
    static final int CR4 = 20;
    static final int EFER = 21;
    static final int DR6 = 22;
    static final int DR7 = 23;
    static final int GDT_BASE = 24;
    static final int GDT_LIMIT = 25;
    static final int IDT_BASE = 26;
    static final int IDT_LIMIT = 27;
    /** Bit 0: the SMI interrupted HLT, and RSM goes back to it. */
    static final int AUTO_HALT = 28;

    static final int SMBASE = 29;
    static final int REVISION = 30;
    /** Four items for each segment register: selector, rights, limit, base. */
    static final int SEGMENTS = 32;

    static final int SELECTOR = 0;
    static final int RIGHTS = 1;
    static final int LIMIT = 2;
    static final int BASE = 3;
    static final int ITEMS = SEGMENTS + 4 * 8;

    /** SMBASE can be relocated, I/O instructions are not restarted. */
    private static final int RELOCATION = 1 << 17;

    private record Row(int item, int offset, int bytes, int shift) {}

    private final int revision;
    private final List<Row> rows = new ArrayList<>();

    private SaveMap(int revision) {
        this.revision = RELOCATION | revision;
    }

    private static final SaveMap LEGACY = legacy();
    private static final SaveMap INTEL64 = intel64();
    private static final SaveMap AMD64 = amd64();

    /** The map that a model uses. */
    static SaveMap of(CpuFeatures features) {
        if (!features.has(Feature.LM)) {
            return LEGACY;
        }
        return features.vendor() == Vendor.AMD ? AMD64 : INTEL64;
    }

    /** A segment's item. */
    static int segment(int seg, int part) {
        return SEGMENTS + 4 * seg + part;
    }

    int revision() {
        return revision;
    }

    private SaveMap row(int item, int offset, int bytes) {
        rows.add(new Row(item, offset, bytes, 0));
        return this;
    }

    /** The upper half of an item, whose lower half is another row. */
    private SaveMap upper(int item, int offset) {
        rows.add(new Row(item, offset, 4, 32));
        return this;
    }

    /** Registers of equal size at falling addresses. */
    private SaveMap falling(int highest, int bytes, int... items) {
        int offset = highest;
        for (int item : items) {
            row(item, offset, bytes);
            offset -= bytes;
        }
        return this;
    }

    private static int[] selectors(int... segs) {
        int[] items = new int[segs.length];
        for (int i = 0; i < segs.length; i++) {
            items[i] = segment(segs[i], SELECTOR);
        }
        return items;
    }

    private static SaveMap legacy() {
        SaveMap map = new SaveMap(0);
        map.falling(
                0x7ffc, 4, CR0, CR3, RFLAGS, RIP, Reg.RDI, Reg.RSI, Reg.RBP, Reg.RSP, Reg.RBX, Reg.RDX, Reg.RCX,
                Reg.RAX);
        map.row(DR6, 0x7fcc, 4).row(DR7, 0x7fc8, 4);
        map.falling(0x7fc4, 4, selectors(Reg.TR, Reg.LDTR, Reg.GS, Reg.FS, Reg.DS, Reg.SS, Reg.CS, Reg.ES));
        map.row(AUTO_HALT, 0x7f02, 2).row(REVISION, 0x7efc, 4).row(SMBASE, 0x7ef8, 4);
        map.row(CR4, 0x7e00, 4).row(GDT_BASE, 0x7e04, 4).row(GDT_LIMIT, 0x7e08, 4);
        map.row(IDT_BASE, 0x7e0c, 4).row(IDT_LIMIT, 0x7e10, 4);
        for (int seg = 0; seg < 8; seg++) {
            int at = 0x7e20 + 12 * seg;
            map.row(segment(seg, BASE), at, 4)
                    .row(segment(seg, LIMIT), at + 4, 4)
                    .row(segment(seg, RIGHTS), at + 8, 4);
        }
        return map;
    }

    private static SaveMap intel64() {
        SaveMap map = new SaveMap(0x101);
        map.falling(0x7ff8, 8, CR0, CR3, RFLAGS, EFER, RIP, DR6, DR7);
        map.falling(0x7fc4, 4, selectors(Reg.TR, Reg.LDTR, Reg.GS, Reg.FS, Reg.DS, Reg.SS, Reg.CS, Reg.ES));
        map.falling(0x7f94, 8, Reg.RDI, Reg.RSI, Reg.RBP, Reg.RSP, Reg.RBX, Reg.RDX, Reg.RCX, Reg.RAX);
        map.falling(0x7f54, 8, 8, 9, 10, 11, 12, 13, 14, 15);
        map.row(AUTO_HALT, 0x7f02, 2)
                .row(REVISION, 0x7efc, 4)
                .row(SMBASE, 0x7ef8, 4)
                .row(CR4, 0x7e40, 8);
        map.row(segment(Reg.LDTR, BASE), 0x7e9c, 4).upper(segment(Reg.LDTR, BASE), 0x7dd4);
        map.row(IDT_BASE, 0x7e94, 4)
                .upper(IDT_BASE, 0x7dd8)
                .row(GDT_BASE, 0x7e8c, 4)
                .upper(GDT_BASE, 0x7dd0);
        map.row(GDT_LIMIT, 0x7c80, 4).row(IDT_LIMIT, 0x7c84, 4);
        for (int seg = 0; seg < 8; seg++) {
            int at = 0x7c00 + 16 * seg;
            map.row(segment(seg, LIMIT), at + 8, 4).row(segment(seg, RIGHTS), at + 12, 4);
            if (seg != Reg.LDTR) {
                map.row(segment(seg, BASE), at, 8);
            }
        }
        return map;
    }

    private static SaveMap amd64() {
        SaveMap map = new SaveMap(0x64);
        int[] order = {Reg.ES, Reg.CS, Reg.SS, Reg.DS, Reg.FS, Reg.GS};
        for (int i = 0; i < order.length; i++) {
            map.segmentRows(order[i], 0x7e00 + 16 * i);
        }
        map.row(GDT_LIMIT, 0x7e64, 2).row(GDT_BASE, 0x7e68, 8).segmentRows(Reg.LDTR, 0x7e70);
        map.row(IDT_LIMIT, 0x7e84, 2).row(IDT_BASE, 0x7e88, 8).segmentRows(Reg.TR, 0x7e90);
        map.row(AUTO_HALT, 0x7ec9, 1)
                .row(EFER, 0x7ed0, 8)
                .row(REVISION, 0x7efc, 4)
                .row(SMBASE, 0x7f00, 4);
        map.row(CR4, 0x7f48, 8)
                .row(CR3, 0x7f50, 8)
                .row(CR0, 0x7f58, 8)
                .row(DR7, 0x7f60, 8)
                .row(DR6, 0x7f68, 8);
        map.row(RFLAGS, 0x7f70, 8).row(RIP, 0x7f78, 8);
        map.falling(0x7fb8, 8, 8, 9, 10, 11, 12, 13, 14, 15);
        map.falling(0x7ff8, 8, Reg.RAX, Reg.RCX, Reg.RDX, Reg.RBX, Reg.RSP, Reg.RBP, Reg.RSI, Reg.RDI);
        return map;
    }

    private void segmentRows(int seg, int at) {
        row(segment(seg, SELECTOR), at, 2).row(segment(seg, RIGHTS), at + 2, 2);
        row(segment(seg, LIMIT), at + 4, 4).row(segment(seg, BASE), at + 8, 8);
    }

    void write(PhysicalMemory memory, long area, long[] items) {
        for (Row row : rows) {
            memory.write(area + row.offset, row.bytes, items[row.item] >>> row.shift);
        }
    }

    /** What the area holds now; items without a row are 0. */
    long[] read(PhysicalMemory memory, long area) {
        long[] items = new long[ITEMS];
        for (Row row : rows) {
            items[row.item] |= memory.read(area + row.offset, row.bytes) << row.shift;
        }
        return items;
    }
}

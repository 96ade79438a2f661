package nestbox.x86.op.x87;

import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Map;
import java.util.TreeMap;
import nestbox.x86.Cpu;
import nestbox.x86.Reg;
import nestbox.x86.fp.X87;
import nestbox.x86.insn.Insn;
import nestbox.x86.testing.TestCpu;

/** Replays records of {@code src/test/c/x87vectors.c} and counts what differs from the processor that they come from. */
final class X87Vectors {
    private static final int RECORD = 52;
    private static final long ADDRESS = 0x1000;
    /** F2XM1, FYL2X, FPTAN, FPATAN, FYL2XP1, FSINCOS, FSIN, FCOS: within 1 ulp, and C1 free. */
    private static final java.util.Set<Integer> TRANSCENDENTAL =
            java.util.Set.of(0xd9f0, 0xd9f1, 0xd9f2, 0xd9f3, 0xd9f9, 0xd9fb, 0xd9fe, 0xd9ff);

    final Map<String, Integer> mismatches = new TreeMap<>();
    final Map<String, String> examples = new TreeMap<>();
    int count;

    private final Cpu cpu = TestCpu.mode64();
    private final byte[] bytes = new byte[RECORD];
    private final ByteBuffer record = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);

    void replay(InputStream in) throws IOException {
        while (in.readNBytes(bytes, 0, RECORD) == RECORD) {
            count++;
            one();
        }
    }

    private void one() {
        int opcode = bytes[0] & 0xff;
        int modrm = bytes[1] & 0xff;
        X87 f = cpu.fpu;
        f.reset();
        f.control = record.getShort(2) & 0xffff;
        f.setStatusWord(record.getShort(4) & 0xffff);
        f.used = record.getShort(6) & 0xff;
        f.mant[0] = record.getLong(8);
        f.se[0] = record.getShort(16) & 0xffff;
        f.mant[1] = record.getLong(18);
        f.se[1] = record.getShort(26) & 0xffff;
        boolean memory = modrm < 0xc0;
        cpu.r[Reg.RAX] = ADDRESS;
        for (int i = 0; i < 10; i++) {
            cpu.mem.store8(ADDRESS + i, Reg.DS, bytes[18 + i]);
        }
        Insn in = new Insn();
        in.opcode = opcode;
        in.modrm = modrm;
        in.memory = memory;
        in.base = Reg.RAX;
        in.index = Reg.ZERO;
        in.seg = Insn.FLAT;
        in.size = 32;
        in.addressSize = 64;
        in.codeSize = 64;
        X87Semantics.bind(opcode, modrm).execute(cpu, in);
        int p = f.top;
        int q = f.physical(1);
        long bm = memory ? cpu.mem.load64(ADDRESS, Reg.DS) : f.mant[q];
        int be = memory ? (int) cpu.mem.load16(ADDRESS + 8, Reg.DS) : f.se[q];
        compare(opcode << 8 | modrm, f, f.se[p], f.mant[p], be, bm);
    }

    private void compare(int form, X87 f, int ae, long am, int be, long bm) {
        boolean loose = TRANSCENDENTAL.contains(form);
        int statusMask = loose ? 0xffff & ~X87.C1 : 0xffff;
        String why = "";
        if (((f.statusWord() ^ record.getShort(28)) & statusMask) != 0) {
            why += " status";
        }
        if (f.used != (bytes[30] & 0xff)) {
            why += " tags";
        }
        if (!same(loose, ae, am, record.getShort(40) & 0xffff, record.getLong(32))) {
            why += " st0";
        }
        if (!same(loose, be, bm, record.getShort(50) & 0xffff, record.getLong(42))) {
            why += " st1";
        }
        if (!why.isEmpty()) {
            String key = String.format("%04x%s", form, why);
            mismatches.merge(key, 1, Integer::sum);
            examples.putIfAbsent(
                    key,
                    String.format(
                            "control %04x status %04x used %02x a %04x:%016x b %04x:%016x; real %04x %02x %04x:%016x %04x:%016x;"
                                    + " ours %04x %02x %04x:%016x %04x:%016x",
                            record.getShort(2),
                            record.getShort(4),
                            record.getShort(6),
                            record.getShort(16),
                            record.getLong(8),
                            record.getShort(26),
                            record.getLong(18),
                            record.getShort(28),
                            bytes[30],
                            record.getShort(40),
                            record.getLong(32),
                            record.getShort(50),
                            record.getLong(42),
                            f.statusWord(),
                            f.used,
                            ae,
                            am,
                            be,
                            bm));
        }
    }

    private static boolean same(boolean loose, int ae, long am, int be, long bm) {
        if (ae == be && am == bm) {
            return true;
        }
        if (!loose) {
            return false;
        }
        if (ae == be) {
            return Math.abs(am - bm) == 1;
        }
        // Neighbours across a power of two.
        return (ae + 1 == be && am == -1L && bm == Long.MIN_VALUE)
                || (be + 1 == ae && bm == -1L && am == Long.MIN_VALUE);
    }
}

package nestbox.vmx.check;

import java.util.List;
import java.util.function.BiPredicate;
import nestbox.vmx.capability.VmxFeature;
import nestbox.vmx.vmcs.VmcsField;
import nestbox.x86.Cpu;
import nestbox.x86.Flags;

/** SDM Vol. 3, "Checks on Guest Segment Registers". */
final class GuestSegmentRows {
    private static final long TI = 4;
    private static final long HIGH = 0xffff_ffff_0000_0000L;
    private static final long VIRTUAL_8086_LIMIT = 0xffff;
    private static final long VIRTUAL_8086_RIGHTS = 0xf3;
    private static final long RIGHTS_LOW_RESERVED = 0xf00;
    private static final long RIGHTS_HIGH_RESERVED = 0xfffe_0000L;
    private static final int ACCESSED = 1;
    private static final int READABLE = 2;
    private static final int CODE = 8;
    private static final int LDT = 2;
    private static final int BUSY_TSS_16 = 3;
    private static final int BUSY_TSS = 11;

    private GuestSegmentRows() {}

    static List<CheckRow> rows() {
        Rows rows = new Rows(CheckGroup.GUEST_SEGMENTS, Failure.GUEST_STATE);
        selectors(rows);
        bases(rows);
        virtual8086(rows);
        types(rows);
        privileges(rows);
        for (Segment segment : Segment.CODE_AND_DATA) {
            flags(rows, segment);
        }
        system(rows, Segment.TR);
        system(rows, Segment.LDTR);
        return rows.list();
    }

    private static void selectors(Rows rows) {
        rows.add(Segment.TR.id("ti"), Segment.TR.selector, "TI is 0", c -> !c.any(Segment.TR.selector, TI))
                .add(
                        Segment.LDTR.id("ti"),
                        List.of(Segment.LDTR.selector, Segment.LDTR.rights),
                        "if usable, TI is 0",
                        c -> !Segment.LDTR.usable(c) || !c.any(Segment.LDTR.selector, TI))
                .add(
                        Segment.SS.id("rpl"),
                        List.of(Segment.SS.selector, Segment.CS.selector, VmcsField.GUEST_RFLAGS),
                        "outside virtual-8086 mode and without \"unrestricted guest\", RPL is that of CS",
                        c -> virtual8086(c)
                                || c.on(VmxFeature.UNRESTRICTED_GUEST)
                                || Segment.SS.rpl(c) == Segment.CS.rpl(c));
    }

    private static void bases(Rows rows) {
        for (Segment segment : List.of(Segment.TR, Segment.FS, Segment.GS)) {
            rows.add(
                    segment.id("base.canonical"),
                    segment.base,
                    "the base is canonical",
                    c -> c.canonical(c.get(segment.base)));
        }
        rows.add(
                Segment.LDTR.id("base.canonical"),
                List.of(Segment.LDTR.base, Segment.LDTR.rights),
                "if usable, the base is canonical",
                c -> !Segment.LDTR.usable(c) || c.canonical(c.get(Segment.LDTR.base)));
        for (Segment segment : List.of(Segment.CS, Segment.SS, Segment.DS, Segment.ES)) {
            rows.add(
                    segment.id("base.high"),
                    List.of(segment.base, segment.rights),
                    (segment == Segment.CS ? "" : "if usable, ") + "bits 63:32 of the base are 0",
                    c -> !segment.usable(c) || !c.any(segment.base, HIGH));
        }
    }

    private static void virtual8086(Rows rows) {
        for (Segment segment : Segment.CODE_AND_DATA) {
            rows.add(
                            segment.id("v8086.base"),
                            List.of(segment.base, segment.selector, VmcsField.GUEST_RFLAGS),
                            "in virtual-8086 mode, the base is the selector shifted left by 4",
                            c -> !virtual8086(c) || c.get(segment.base) == c.get(segment.selector) << 4)
                    .add(
                            segment.id("v8086.limit"),
                            List.of(segment.limit, VmcsField.GUEST_RFLAGS),
                            "in virtual-8086 mode, the limit is FFFFH",
                            c -> !virtual8086(c) || c.get(segment.limit) == VIRTUAL_8086_LIMIT)
                    .add(
                            segment.id("v8086.rights"),
                            List.of(segment.rights, VmcsField.GUEST_RFLAGS),
                            "in virtual-8086 mode, the access rights are F3H",
                            c -> !virtual8086(c) || c.get(segment.rights) == VIRTUAL_8086_RIGHTS);
        }
    }

    private static void types(Rows rows) {
        add(rows, Segment.CS, "type", "the type is 9, 11, 13 or 15; 3, too, with \"unrestricted guest\"", (c, type) -> {
            boolean code = (type & (CODE | ACCESSED)) == (CODE | ACCESSED);
            return code || type == 3 && c.on(VmxFeature.UNRESTRICTED_GUEST);
        });
        add(rows, Segment.SS, "type", "if usable, the type is 3 or 7", (c, type) -> type == 3 || type == 7);
        for (Segment segment : Segment.DATA) {
            add(rows, segment, "accessed", "if usable, the type is accessed", (c, type) -> (type & ACCESSED) != 0);
            add(
                    rows,
                    segment,
                    "readable",
                    "if usable and a code segment, the type is readable",
                    (c, type) -> (type & CODE) == 0 || (type & READABLE) != 0);
        }
    }

    /** A row on a usable segment's type, outside virtual-8086 mode. */
    private static void add(
            Rows rows, Segment segment, String aspect, String rule, BiPredicate<CheckContext, Integer> holds) {
        rows.add(
                segment.id(aspect),
                List.of(segment.rights, VmcsField.GUEST_RFLAGS),
                rule,
                c -> virtual8086(c) || !segment.usable(c) || holds.test(c, segment.type(c)));
    }

    private static void privileges(Rows rows) {
        rows.add(
                        Segment.CS.id("dpl"),
                        List.of(Segment.CS.rights, Segment.SS.rights, VmcsField.GUEST_RFLAGS),
                        "the DPL is 0 for type 3, that of SS for types 9 and 11, not greater than that of SS for 13 and 15",
                        c -> virtual8086(c) || codePrivilege(c))
                .add(
                        Segment.SS.id("dpl.rpl"),
                        List.of(Segment.SS.rights, Segment.SS.selector, VmcsField.GUEST_RFLAGS),
                        "without \"unrestricted guest\", the DPL is the RPL",
                        c -> virtual8086(c)
                                || c.on(VmxFeature.UNRESTRICTED_GUEST)
                                || Segment.SS.dpl(c) == Segment.SS.rpl(c))
                .add(
                        Segment.SS.id("dpl.zero"),
                        List.of(Segment.SS.rights, Segment.CS.rights, VmcsField.GUEST_CR0, VmcsField.GUEST_RFLAGS),
                        "the DPL is 0 if the type of CS is 3 or CR0.PE is 0",
                        c -> virtual8086(c)
                                || Segment.SS.dpl(c) == 0
                                || Segment.CS.type(c) != 3 && c.any(VmcsField.GUEST_CR0, Cpu.CR0_PE));
        for (Segment segment : Segment.DATA) {
            rows.add(
                    segment.id("dpl"),
                    List.of(segment.rights, segment.selector, VmcsField.GUEST_RFLAGS),
                    "without \"unrestricted guest\", if usable and of type 0 to 11, the DPL is not less than the RPL",
                    c -> virtual8086(c)
                            || c.on(VmxFeature.UNRESTRICTED_GUEST)
                            || !segment.usable(c)
                            || segment.type(c) > 11
                            || segment.dpl(c) >= segment.rpl(c));
        }
    }

    private static boolean codePrivilege(CheckContext c) {
        int dpl = Segment.CS.dpl(c);
        int stack = Segment.SS.dpl(c);
        return switch (Segment.CS.type(c)) {
            case 3 -> dpl == 0;
            case 9, 11 -> dpl == stack;
            case 13, 15 -> dpl <= stack;
            default -> true;
        };
    }

    /** The rows that the six code and data segments share. */
    private static void flags(Rows rows, Segment segment) {
        List<VmcsField> fields = List.of(segment.rights, VmcsField.GUEST_RFLAGS);
        String usable = segment == Segment.CS ? "" : "if usable, ";
        rows.add(
                        segment.id("s"),
                        fields,
                        usable + "S is 1",
                        c -> virtual8086(c) || !segment.usable(c) || c.any(segment.rights, Cpu.RIGHTS_S))
                .add(
                        segment.id("p"),
                        fields,
                        usable + "P is 1",
                        c -> virtual8086(c) || !segment.usable(c) || c.any(segment.rights, Cpu.RIGHTS_P))
                .add(
                        segment.id("reserved-low"),
                        fields,
                        usable + "bits 11:8 are 0",
                        c -> virtual8086(c) || !segment.usable(c) || !c.any(segment.rights, RIGHTS_LOW_RESERVED));
        if (segment == Segment.CS) {
            rows.add(
                    segment.id("d"),
                    fields,
                    "if \"IA-32e mode guest\" is 1 and L is 1, D/B is 0",
                    c -> virtual8086(c)
                            || !c.on(VmxFeature.IA32E_MODE_GUEST)
                            || !c.any(segment.rights, Cpu.RIGHTS_L)
                            || !c.any(segment.rights, Cpu.RIGHTS_DB));
        }
        granularity(rows, segment, true);
        rows.add(
                segment.id("reserved-high"),
                fields,
                usable + "bits 31:17 are 0",
                c -> virtual8086(c) || !segment.usable(c) || !c.any(segment.rights, RIGHTS_HIGH_RESERVED));
    }

    private static void granularity(Rows rows, Segment segment, boolean freeInVirtual8086) {
        List<VmcsField> fields = freeInVirtual8086
                ? List.of(segment.limit, segment.rights, VmcsField.GUEST_RFLAGS)
                : List.of(segment.limit, segment.rights);
        rows.add(
                        segment.id("g.low"),
                        fields,
                        "if usable and any of bits 11:0 of the limit is 0, G is 0",
                        c -> freeInVirtual8086 && virtual8086(c)
                                || !segment.usable(c)
                                || (c.get(segment.limit) & 0xfff) == 0xfff
                                || !c.any(segment.rights, Cpu.RIGHTS_G))
                .add(
                        segment.id("g.high"),
                        fields,
                        "if usable and any of bits 31:20 of the limit is 1, G is 1",
                        c -> freeInVirtual8086 && virtual8086(c)
                                || !segment.usable(c)
                                || !c.any(segment.limit, 0xfff0_0000L)
                                || c.any(segment.rights, Cpu.RIGHTS_G));
    }

    /** TR and LDTR. */
    private static void system(Rows rows, Segment segment) {
        String usable = segment == Segment.TR ? "" : "if usable, ";
        String type =
                segment == Segment.TR ? "the type is 11, or 3 outside IA-32e mode as well" : "if usable, the type is 2";
        rows.add(segment.id("type"), segment.rights, type, c -> !segment.usable(c) || systemType(c, segment))
                .add(
                        segment.id("s"),
                        segment.rights,
                        usable + "S is 0",
                        c -> !segment.usable(c) || !c.any(segment.rights, Cpu.RIGHTS_S))
                .add(
                        segment.id("p"),
                        segment.rights,
                        usable + "P is 1",
                        c -> !segment.usable(c) || c.any(segment.rights, Cpu.RIGHTS_P))
                .add(
                        segment.id("reserved-low"),
                        segment.rights,
                        usable + "bits 11:8 are 0",
                        c -> !segment.usable(c) || !c.any(segment.rights, RIGHTS_LOW_RESERVED));
        granularity(rows, segment, false);
        if (segment == Segment.TR) {
            rows.add(
                    segment.id("usable"),
                    segment.rights,
                    "the unusable bit is 0",
                    c -> !c.any(segment.rights, Cpu.RIGHTS_UNUSABLE));
        }
        rows.add(
                segment.id("reserved-high"),
                segment.rights,
                usable + "bits 31:17 are 0",
                c -> !segment.usable(c) || !c.any(segment.rights, RIGHTS_HIGH_RESERVED));
    }

    private static boolean systemType(CheckContext c, Segment segment) {
        int type = segment.type(c);
        if (segment == Segment.LDTR) {
            return type == LDT;
        }
        return type == BUSY_TSS || type == BUSY_TSS_16 && !c.on(VmxFeature.IA32E_MODE_GUEST);
    }

    private static boolean virtual8086(CheckContext c) {
        return c.any(VmcsField.GUEST_RFLAGS, Flags.VM);
    }
}

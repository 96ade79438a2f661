package nestbox.svm.check;

import java.util.ArrayList;
import java.util.List;
import java.util.function.Predicate;
import nestbox.svm.vmcb.EventInfo;
import nestbox.svm.vmcb.VmcbField;
import nestbox.svm.vmcb.VmcbSegment;
import nestbox.x86.Cpu;
import nestbox.x86.Flags;
import nestbox.x86.Vector;
import nestbox.x86.model.Feature;

/** All checks of VMRUN, in the manual's order (APM Vol. 2, "Canonicalization and Consistency Checks"). Immutable. */
public final class VmrunChecks {
    private static final String CONSISTENCY = "Canonicalization and Consistency Checks";
    private static final String BASIC = "Basic Operation";
    private static final String INJECTION = "Event Injection";
    private static final String ENABLING = "Enabling Nested Paging";
    private static final String NESTED = "Nested Paging and VMRUN/#VMEXIT";
    private static final String VIRTUAL_NMI = "NMI Virtualization";

    private static final long HIGH = -1L << 32;
    private static final int VMRUN_INTERCEPT = 1;
    private static final int NMI_INTERCEPT = 2;
    private static final long MAP_BYTES = 0x2000;
    private static final long PAGE = ~0xfffL;
    private static final int NP_ENABLE = 1;
    private static final long V_NMI_ENABLE = 1 << 26;
    private static final int ON_4_LEVELS_RESERVED_FROM = 52;

    private static final int SH_STK_EN = 1;
    /** Vectors 0, 1, 3 to 8, 10 to 14, 16 to 19 and 30. */
    private static final int EXCEPTIONS = 0x400f_7dfb;

    private static final long PDPT = 0xffffffe0L;
    /** Bits 8:5 and 2:1. */
    private static final long PDPE_RESERVED = 0x1e6;

    private static final List<VmrunCheck> ROWS = rowList();

    private VmrunChecks() {}

    /** Every row, in the manual's order. */
    public static List<VmrunCheck> rows() {
        return ROWS;
    }

    /** The first row that fails, or null. */
    public static VmrunCheck first(CheckContext context) {
        return first(context, ROWS);
    }

    /** The first of some rows that fails, or null. */
    public static VmrunCheck first(CheckContext context, List<VmrunCheck> rows) {
        for (int i = 0; i < rows.size(); i++) {
            VmrunCheck row = rows.get(i);
            if (!row.passes(context)) {
                return row;
            }
        }
        return null;
    }

    /** Every row that fails. */
    public static List<VmrunCheck> all(CheckContext context) {
        return ROWS.stream().filter(row -> !row.passes(context)).toList();
    }

    private static VmrunCheck row(
            String id, String section, String rule, Predicate<CheckContext> holds, VmcbField... fields) {
        return new VmrunCheck(id, section, true, rule, List.of(fields), List.of(), holds);
    }

    private static List<VmrunCheck> rowList() {
        List<VmrunCheck> rows = new ArrayList<>();
        controls(rows);
        registers(rows);
        longMode(rows);
        rows.add(pdpes());
        shadowStack(rows);
        injection(rows);
        nested(rows);
        return List.copyOf(rows);
    }

    private static void controls(List<VmrunCheck> rows) {
        rows.add(row(
                "control.vmrun.intercepted",
                CONSISTENCY,
                "the VMRUN intercept is set",
                c -> (c.get(VmcbField.INTERCEPT_MISC2) & VMRUN_INTERCEPT) != 0,
                VmcbField.INTERCEPT_MISC2));
        rows.add(row(
                "control.asid.nonzero",
                CONSISTENCY,
                "the guest's ASID is not 0",
                c -> c.get(VmcbField.GUEST_ASID) != 0,
                VmcbField.GUEST_ASID));
        rows.add(row(
                "control.iopm.address",
                CONSISTENCY,
                "the I/O permission map ends below the highest physical address",
                c -> mapFits(c, VmcbField.IOPM_BASE_PA),
                VmcbField.IOPM_BASE_PA));
        rows.add(row(
                "control.msrpm.address",
                CONSISTENCY,
                "the MSR permission map ends below the highest physical address",
                c -> mapFits(c, VmcbField.MSRPM_BASE_PA),
                VmcbField.MSRPM_BASE_PA));
        rows.add(row(
                "control.vnmi.intercepted",
                VIRTUAL_NMI,
                "with virtual NMIs enabled NMIs are intercepted",
                c -> !c.features().has(Feature.VNMI)
                        || (c.get(VmcbField.INTERRUPT_CONTROL) & V_NMI_ENABLE) == 0
                        || (c.get(VmcbField.INTERCEPT_MISC1) & NMI_INTERCEPT) != 0,
                VmcbField.INTERRUPT_CONTROL,
                VmcbField.INTERCEPT_MISC1));
    }

    /** Bits 11:0 are ignored; the byte behind 8 Kbytes must exist too, as the I/O map has one more. */
    private static boolean mapFits(CheckContext c, VmcbField field) {
        long start = c.get(field) & PAGE;
        int bits = c.features().physicalBits();
        return start >>> bits == 0 && start + MAP_BYTES >>> bits == 0;
    }

    private static void registers(List<VmrunCheck> rows) {
        rows.add(row(
                "save.efer.svme",
                CONSISTENCY,
                "EFER.SVME is set",
                c -> (c.get(VmcbField.EFER) & Cpu.EFER_SVME) != 0,
                VmcbField.EFER));
        rows.add(row(
                "save.efer.reserved",
                CONSISTENCY,
                "no reserved bit of EFER is set",
                c -> (c.get(VmcbField.EFER) & ~c.eferBits()) == 0,
                VmcbField.EFER));
        rows.add(row(
                "save.cr0.cd-nw",
                CONSISTENCY,
                "CR0.NW is clear unless CR0.CD is set",
                c -> (c.get(VmcbField.CR0) & (Cpu.CR0_NW | Cpu.CR0_CD)) != Cpu.CR0_NW,
                VmcbField.CR0));
        rows.add(row(
                "save.cr0.high",
                CONSISTENCY,
                "CR0[63:32] is 0",
                c -> (c.get(VmcbField.CR0) & HIGH) == 0,
                VmcbField.CR0));
        rows.add(row(
                "save.cr3.reserved",
                CONSISTENCY,
                "no bit of CR3 beyond the physical address width is set",
                c -> c.get(VmcbField.CR3) >>> c.features().physicalBits() == 0,
                VmcbField.CR3));
        rows.add(row(
                "save.cr4.reserved",
                CONSISTENCY,
                "no reserved bit of CR4 is set",
                c -> (c.get(VmcbField.CR4) & ~c.cr4Bits()) == 0,
                VmcbField.CR4));
        rows.add(row(
                "save.dr6.high",
                CONSISTENCY,
                "DR6[63:32] is 0",
                c -> (c.get(VmcbField.DR6) & HIGH) == 0,
                VmcbField.DR6));
        rows.add(row(
                "save.dr7.high",
                CONSISTENCY,
                "DR7[63:32] is 0",
                c -> (c.get(VmcbField.DR7) & HIGH) == 0,
                VmcbField.DR7));
    }

    private static boolean longModeWithPaging(CheckContext c) {
        return (c.get(VmcbField.EFER) & Cpu.EFER_LME) != 0 && (c.get(VmcbField.CR0) & Cpu.CR0_PG) != 0;
    }

    private static void longMode(List<VmrunCheck> rows) {
        rows.add(row(
                "save.long-mode.pae",
                CONSISTENCY,
                "with EFER.LME and CR0.PG, CR4.PAE is set",
                c -> !longModeWithPaging(c) || (c.get(VmcbField.CR4) & Cpu.CR4_PAE) != 0,
                VmcbField.EFER,
                VmcbField.CR0,
                VmcbField.CR4));
        rows.add(row(
                "save.long-mode.pe",
                CONSISTENCY,
                "with EFER.LME and CR0.PG, CR0.PE is set",
                c -> !longModeWithPaging(c) || (c.get(VmcbField.CR0) & Cpu.CR0_PE) != 0,
                VmcbField.EFER,
                VmcbField.CR0));
        rows.add(new VmrunCheck(
                "save.long-mode.cs",
                CONSISTENCY,
                true,
                "with EFER.LME, CR0.PG and CR4.PAE, CS.L and CS.D are not both set",
                List.of(VmcbField.EFER, VmcbField.CR0, VmcbField.CR4),
                List.of(VmcbSegment.CS),
                c -> !longModeWithPaging(c)
                        || (c.get(VmcbField.CR4) & Cpu.CR4_PAE) == 0
                        || (~c.attributes(VmcbSegment.CS) & (VmcbSegment.LONG | VmcbSegment.DEFAULT_BIG)) != 0));
    }

    private static VmrunCheck pdpes() {
        return row(
                "save.pdpe.reserved",
                BASIC,
                "with PAE paging outside long mode and without nested paging, no present one of the four PDPEs at CR3 has a"
                        + " reserved bit set",
                c -> !walksLegacyPae(c) || pdpesHold(c),
                VmcbField.EFER,
                VmcbField.CR0,
                VmcbField.CR3,
                VmcbField.CR4,
                VmcbField.NESTED_CONTROL);
    }

    private static boolean walksLegacyPae(CheckContext c) {
        return (c.get(VmcbField.CR0) & Cpu.CR0_PG) != 0
                && (c.get(VmcbField.CR4) & Cpu.CR4_PAE) != 0
                && (c.get(VmcbField.EFER) & Cpu.EFER_LME) == 0
                && !nestedPaging(c);
    }

    private static boolean pdpesHold(CheckContext c) {
        long table = c.get(VmcbField.CR3) & PDPT;
        long reserved = PDPE_RESERVED | -1L << c.features().physicalBits();
        for (int i = 0; i < 4; i++) {
            long pdpe = c.readPhysical(table + 8 * i, 8);
            if ((pdpe & 1) != 0 && (pdpe & reserved) != 0) {
                return false;
            }
        }
        return true;
    }

    private static boolean shadowStacks(CheckContext c) {
        return c.features().has(Feature.SHSTK);
    }

    private static boolean cet(CheckContext c) {
        return shadowStacks(c) && (c.get(VmcbField.CR4) & Cpu.CR4_CET) != 0;
    }

    private static void shadowStack(List<VmrunCheck> rows) {
        rows.add(row(
                "save.s-cet.reserved",
                CONSISTENCY,
                "no reserved bit of S_CET is set",
                c -> !shadowStacks(c) || (c.get(VmcbField.S_CET) & ~c.shadowStackBits()) == 0,
                VmcbField.S_CET));
        rows.add(row(
                "save.cet.wp",
                CONSISTENCY,
                "CR0.WP is set if CR4.CET is",
                c -> !cet(c) || (c.get(VmcbField.CR0) & Cpu.CR0_WP) != 0,
                VmcbField.CR0,
                VmcbField.CR4));
        rows.add(row(
                "save.cet.v86",
                CONSISTENCY,
                "virtual-8086 mode has no shadow stack: with CR4.CET and RFLAGS.VM, U_CET's SH_STK_EN is clear",
                c -> !cet(c) || (c.get(VmcbField.RFLAGS) & Flags.VM) == 0 || (c.userShadowStack() & SH_STK_EN) == 0,
                VmcbField.CR4,
                VmcbField.RFLAGS));
    }

    private static void injection(List<VmrunCheck> rows) {
        rows.add(row(
                "inject.type",
                INJECTION,
                "EVENTINJ has a type that exists",
                c -> injected(c) < 0
                        || type(c) == 0
                        || (type(c) >= EventInfo.NMI && type(c) <= EventInfo.SOFTWARE_INTERRUPT),
                VmcbField.EVENTINJ));
        rows.add(row(
                "inject.exception.vector",
                INJECTION,
                "an injected exception has the vector of an exception that the processor has",
                c -> !injectsException(c) || isException(c, injected(c)),
                VmcbField.EVENTINJ));
        rows.add(new VmrunCheck(
                "inject.exception.mode",
                INJECTION,
                true,
                "an injected exception is possible in the guest's mode: no #OF or #BR in 64-bit mode",
                List.of(VmcbField.EVENTINJ, VmcbField.EFER, VmcbField.CR0),
                List.of(VmcbSegment.CS),
                c -> !injectsException(c)
                        || (injected(c) != Vector.OF && injected(c) != Vector.BR)
                        || !longModeWithPaging(c)
                        || (c.attributes(VmcbSegment.CS) & VmcbSegment.LONG) == 0));
    }

    private static boolean injectsException(CheckContext c) {
        return injected(c) >= 0 && type(c) == EventInfo.EXCEPTION;
    }

    /** Those of the NMI, of the coprocessor overrun, and what is reserved or belongs to SEV are none. */
    private static boolean isException(CheckContext c, int vector) {
        return vector < 32 && (EXCEPTIONS >>> vector & 1) != 0 || vector == Vector.CP && shadowStacks(c);
    }

    /** Vector of a valid EVENTINJ, or -1. */
    private static int injected(CheckContext c) {
        long event = c.get(VmcbField.EVENTINJ);
        return EventInfo.valid(event) ? EventInfo.vector(event) : -1;
    }

    private static int type(CheckContext c) {
        return EventInfo.type(c.get(VmcbField.EVENTINJ));
    }

    private static boolean nestedPaging(CheckContext c) {
        return c.features().has(Feature.NPT) && (c.get(VmcbField.NESTED_CONTROL) & NP_ENABLE) != 0;
    }

    private static void nested(List<VmrunCheck> rows) {
        rows.add(row(
                "nested.host-paging",
                ENABLING,
                "nested paging needs CR0.PG of the host",
                c -> !nestedPaging(c) || c.hostPaging(),
                VmcbField.NESTED_CONTROL));
        rows.add(row(
                "nested.ncr3.reserved",
                NESTED,
                "no reserved bit of nCR3 is set",
                c -> !nestedPaging(c) || nestedRootFits(c),
                VmcbField.NESTED_CONTROL,
                VmcbField.N_CR3));
        rows.add(row(
                "nested.pat",
                NESTED,
                "G_PAT has memory types that exist",
                c -> !nestedPaging(c) || patTypes(c.get(VmcbField.G_PAT)),
                VmcbField.NESTED_CONTROL,
                VmcbField.G_PAT));
    }

    private static boolean nestedRootFits(CheckContext c) {
        int bits = c.hostLongMode() ? Math.min(c.features().physicalBits(), ON_4_LEVELS_RESERVED_FROM) : 32;
        return c.get(VmcbField.N_CR3) >>> bits == 0;
    }

    private static boolean patTypes(long pat) {
        for (int i = 0; i < 64; i += 8) {
            long type = pat >>> i & 0xff;
            if (type > 7 || type == 2 || type == 3) {
                return false;
            }
        }
        return true;
    }
}

package nestbox.vmx.check;

import java.util.List;
import nestbox.vmx.capability.VmxFeature;
import nestbox.vmx.vmcs.InterruptionType;
import nestbox.vmx.vmcs.VmcsField;
import nestbox.x86.Cpu;
import nestbox.x86.Flags;

/** SDM Vol. 3, "Checks on Guest Descriptor-Table Registers" and "Checks on Guest RIP, RFLAGS, and SSP". */
final class GuestStateRows {
    private static final long HIGH = 0xffff_ffff_0000_0000L;
    private static final long TABLE_LIMIT_RESERVED = 0xffff_0000L;
    private static final long RFLAGS_RESERVED = ~0x3f_ffffL | 1 << 15 | 1 << 5 | 1 << 3;

    private GuestStateRows() {}

    static List<CheckRow> tables() {
        return new Rows(CheckGroup.GUEST_TABLES, Failure.GUEST_STATE)
                .add(
                        "guest.gdtr.base.canonical",
                        VmcsField.GUEST_GDTR_BASE,
                        "the base is canonical",
                        c -> c.canonical(c.get(VmcsField.GUEST_GDTR_BASE)))
                .add(
                        "guest.idtr.base.canonical",
                        VmcsField.GUEST_IDTR_BASE,
                        "the base is canonical",
                        c -> c.canonical(c.get(VmcsField.GUEST_IDTR_BASE)))
                .add(
                        "guest.gdtr.limit",
                        VmcsField.GUEST_GDTR_LIMIT,
                        "bits 31:16 of the limit are 0",
                        c -> !c.any(VmcsField.GUEST_GDTR_LIMIT, TABLE_LIMIT_RESERVED))
                .add(
                        "guest.idtr.limit",
                        VmcsField.GUEST_IDTR_LIMIT,
                        "bits 31:16 of the limit are 0",
                        c -> !c.any(VmcsField.GUEST_IDTR_LIMIT, TABLE_LIMIT_RESERVED))
                .list();
    }

    static List<CheckRow> ripRflags() {
        Rows rows = new Rows(CheckGroup.GUEST_RIP_RFLAGS, Failure.GUEST_STATE);
        rip(rows);
        rflags(rows);
        ssp(rows);
        return rows.list();
    }

    private static void rip(Rows rows) {
        List<VmcsField> fields = List.of(VmcsField.GUEST_RIP, VmcsField.GUEST_CS_AR_BYTES);
        rows.add(
                        "guest.rip.high",
                        fields,
                        "if \"IA-32e mode guest\" or CS.L is 0, bits 63:32 of RIP are 0",
                        c -> code64(c) || !c.any(VmcsField.GUEST_RIP, HIGH))
                .add(
                        "guest.rip.width",
                        fields,
                        "if \"IA-32e mode guest\" and CS.L are 1, bits 63:N of RIP are equal, N being the linear-address width",
                        c -> !code64(c) || upperBitsEqual(c, c.get(VmcsField.GUEST_RIP)));
    }

    private static void rflags(Rows rows) {
        rows.add(
                        "guest.rflags.reserved",
                        VmcsField.GUEST_RFLAGS,
                        "bits 63:22, 15, 5 and 3 of RFLAGS are 0",
                        c -> !c.any(VmcsField.GUEST_RFLAGS, RFLAGS_RESERVED))
                .add(
                        "guest.rflags.fixed",
                        VmcsField.GUEST_RFLAGS,
                        "bit 1 of RFLAGS is 1",
                        c -> c.any(VmcsField.GUEST_RFLAGS, Flags.FIXED))
                .add(
                        "guest.rflags.vm",
                        List.of(VmcsField.GUEST_RFLAGS, VmcsField.GUEST_CR0),
                        "if \"IA-32e mode guest\" is 1 or CR0.PE is 0, RFLAGS.VM is 0",
                        c -> !c.any(VmcsField.GUEST_RFLAGS, Flags.VM)
                                || !c.on(VmxFeature.IA32E_MODE_GUEST) && c.any(VmcsField.GUEST_CR0, Cpu.CR0_PE))
                .add(
                        "guest.rflags.if",
                        List.of(VmcsField.GUEST_RFLAGS, VmcsField.VM_ENTRY_INTR_INFO),
                        "if an external interrupt is injected, RFLAGS.IF is 1",
                        c -> !injectsInterrupt(c) || c.any(VmcsField.GUEST_RFLAGS, Flags.IF));
    }

    private static void ssp(Rows rows) {
        rows.add(
                        "guest.ssp.aligned",
                        VmcsField.GUEST_SSP,
                        "if CET state is loaded, bits 1:0 of SSP are 0",
                        c -> !c.on(VmxFeature.ENTRY_LOAD_CET) || !c.any(VmcsField.GUEST_SSP, 3))
                .add(
                        "guest.ssp.high",
                        List.of(VmcsField.GUEST_SSP, VmcsField.GUEST_CS_AR_BYTES),
                        "if CET state is loaded and \"IA-32e mode guest\" or CS.L is 0, bits 63:32 of SSP are 0",
                        c -> !c.on(VmxFeature.ENTRY_LOAD_CET) || code64(c) || !c.any(VmcsField.GUEST_SSP, HIGH))
                .add(
                        "guest.ssp.upper",
                        VmcsField.GUEST_SSP,
                        "if CET state is loaded, bits 63:N of SSP are identical, N being the linear-address width",
                        c -> !c.on(VmxFeature.ENTRY_LOAD_CET) || upperBitsEqual(c, c.get(VmcsField.GUEST_SSP)));
    }

    private static boolean code64(CheckContext c) {
        return c.on(VmxFeature.IA32E_MODE_GUEST) && c.any(VmcsField.GUEST_CS_AR_BYTES, Cpu.RIGHTS_L);
    }

    /** Bits 63:N, which is one bit less than canonical: RIP may be the first address behind the lower half. */
    private static boolean upperBitsEqual(CheckContext c, long rip) {
        int width = c.model().cpu().linearBits();
        long upper = rip >> width;
        return upper == 0 || upper == -1;
    }

    private static boolean injectsInterrupt(CheckContext c) {
        long information = c.get(VmcsField.VM_ENTRY_INTR_INFO);
        return InterruptionType.valid(information)
                && InterruptionType.type(information) == InterruptionType.EXTERNAL_INTERRUPT;
    }
}

package nestbox.vmx.check;

import static nestbox.vmx.vmcs.VmcsField.*;

import java.util.List;
import java.util.Locale;
import nestbox.vmx.capability.VmxFeature;
import nestbox.vmx.vmcs.VmcsField;

/** Cases of the checks on host state and address-space size. */
final class HostCases {
    /** The newest model has 57 linear-address bits. */
    static final long CANONICAL = 0x00ff_ffff_ffff_fff8L;

    static final long NOT_CANONICAL = 0x0100_0000_0000_0000L;
    private static final long BEYOND = 1L << 46;

    private HostCases() {}

    static void add(RowCase.Table t) {
        registers(t);
        msrs(t);
        for (VmcsField field : List.of(
                HOST_CS_SELECTOR,
                HOST_SS_SELECTOR,
                HOST_DS_SELECTOR,
                HOST_ES_SELECTOR,
                HOST_FS_SELECTOR,
                HOST_GS_SELECTOR,
                HOST_TR_SELECTOR)) {
            t.from(Guests.LONG::state).row(id(field) + ".rpl-ti", s -> s.set(field, 0xc), s -> s.set(field, 0xfff8));
        }
        for (VmcsField field : List.of(HOST_FS_BASE, HOST_GS_BASE, HOST_GDTR_BASE, HOST_IDTR_BASE, HOST_TR_BASE)) {
            canonical(t, field);
        }
        t.row("host.cs-selector.null", s -> s.set(HOST_CS_SELECTOR, 0), s -> s.set(HOST_CS_SELECTOR, 8))
                .row("host.tr-selector.null", s -> s.set(HOST_TR_SELECTOR, 0), s -> s.set(HOST_TR_SELECTOR, 8))
                .from(Guests.HOST_32::state)
                .row("host.ss-selector.null", s -> s.set(HOST_SS_SELECTOR, 0), s -> s.set(HOST_SS_SELECTOR, 8));
        addressSpace(t);
    }

    private static void registers(RowCase.Table t) {
        t.from(Guests.LONG::state)
                .row("host.cr0.fixed", s -> s.clear(HOST_CR0, 0x20), s -> s.set(HOST_CR0, 0x8000_0021L))
                .row("host.cr4.fixed", s -> s.or(HOST_CR4, 1 << 15), s -> s.or(HOST_CR4, 1 << 17))
                .row(
                        "host.cr4.cet-wp",
                        s -> s.or(HOST_CR4, 1 << 23).clear(HOST_CR0, 1 << 16),
                        s -> s.or(HOST_CR4, 1 << 23))
                .row("host.cr3.width", s -> s.set(HOST_CR3, BEYOND), s -> s.set(HOST_CR3, 3L << 61 | BEYOND - 1));
        canonical(t, HOST_IA32_SYSENTER_ESP, "host.sysenter-esp");
        canonical(t, HOST_IA32_SYSENTER_EIP, "host.sysenter-eip");
    }

    private static void msrs(RowCase.Table t) {
        t.from(Guests.LONG, s -> s.enable(VmxFeature.EXIT_LOAD_PERF_GLOBAL_CTRL))
                .row(
                        "host.perf-global-ctrl",
                        s -> s.set(HOST_IA32_PERF_GLOBAL_CTRL, 0x10),
                        s -> s.set(HOST_IA32_PERF_GLOBAL_CTRL, 0x7_0000_000fL))
                .from(Guests.LONG, s -> s.enable(VmxFeature.EXIT_LOAD_PAT))
                .row("host.pat", s -> s.set(HOST_IA32_PAT, 2L << 56), s -> s.set(HOST_IA32_PAT, 0x0706_0504_0100_0706L))
                .from(Guests.LONG, s -> s.enable(VmxFeature.EXIT_LOAD_EFER).set(HOST_IA32_EFER, 0x500))
                .row("host.efer.reserved", s -> s.or(HOST_IA32_EFER, 2), s -> s.set(HOST_IA32_EFER, 0xd01))
                .row("host.efer.lma", s -> s.clear(HOST_IA32_EFER, 0x400), s -> {})
                .row("host.efer.lme", s -> s.clear(HOST_IA32_EFER, 0x100), s -> {})
                .from(Guests.LONG, s -> s.enable(VmxFeature.EXIT_LOAD_CET))
                .row("host.s-cet.reserved", s -> s.set(HOST_S_CET, 0x40), s -> s.set(HOST_S_CET, 0x3f))
                .row("host.s-cet.tracker", s -> s.set(HOST_S_CET, 0xc00), s -> s.set(HOST_S_CET, 0x800))
                .row("host.ssp.aligned", s -> s.set(HOST_SSP, 2), s -> s.set(HOST_SSP, 4))
                .from(Guests.LONG, s -> s.enable(VmxFeature.EXIT_LOAD_PKRS))
                .row("host.pkrs", s -> s.set(HOST_IA32_PKRS, 1L << 32), s -> s.set(HOST_IA32_PKRS, 0xffff_ffffL));
    }

    private static void addressSpace(RowCase.Table t) {
        // Outside IA-32e mode one of these controls cannot be 1 without breaking the rule on the other as well.
        t.from(Guests.HOST_32::state)
                .row("space.legacy.guest", s -> s.enable(VmxFeature.IA32E_MODE_GUEST), s -> {}, "space.host32.guest")
                .row("space.legacy.host", s -> s.enable(VmxFeature.HOST_ADDRESS_SPACE_SIZE), s -> {})
                .row("space.host32.guest", s -> s.enable(VmxFeature.IA32E_MODE_GUEST), s -> {}, "space.legacy.guest")
                .row("space.host32.pcide", s -> s.or(HOST_CR4, 1 << 17), s -> s.or(HOST_CR4, 1 << 16))
                .row("space.host32.rip", s -> s.set(HOST_RIP, 1L << 32), s -> s.set(HOST_RIP, 0xffff_ffffL))
                .from(Guests.PAE::state)
                .row(
                        "space.ia32e.host",
                        s -> s.disable(VmxFeature.HOST_ADDRESS_SPACE_SIZE).set(HOST_RIP, 0),
                        s -> {})
                .from(Guests.LONG::state)
                .row("space.host64.pae", s -> s.clear(HOST_CR4, 0x20), s -> {})
                .row("space.host64.rip", s -> s.set(HOST_RIP, NOT_CANONICAL), s -> s.set(HOST_RIP, CANONICAL));
        t.from(Guests.HOST_32, s -> s.enable(VmxFeature.EXIT_LOAD_CET));
        canonical(t, HOST_INTR_SSP_TABLE, "space.intr-ssp-table");
        for (VmcsField field : List.of(HOST_S_CET, HOST_SSP)) {
            String name = id(field).substring("host.".length());
            t.from(Guests.HOST_32, s -> s.enable(VmxFeature.EXIT_LOAD_CET))
                    .row("space.host32." + name, s -> s.set(field, 1L << 32), s -> s.set(field, 0xffff_f000L))
                    .from(Guests.LONG, s -> s.enable(VmxFeature.EXIT_LOAD_CET))
                    .row(
                            "space.host64." + name,
                            s -> s.set(field, NOT_CANONICAL),
                            s -> s.set(field, CANONICAL & ~0xfff));
        }
    }

    private static void canonical(RowCase.Table t, VmcsField field) {
        canonical(t, field, id(field));
    }

    private static void canonical(RowCase.Table t, VmcsField field, String id) {
        t.row(id + ".canonical", s -> s.set(field, NOT_CANONICAL), s -> s.set(field, CANONICAL));
    }

    private static String id(VmcsField field) {
        return field.name().toLowerCase(Locale.ROOT).replaceFirst("_", ".").replace('_', '-');
    }
}

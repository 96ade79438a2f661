package nestbox.l0;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import nestbox.core.trace.TraceEventType;
import nestbox.core.trace.TraceEvents;
import nestbox.mmu.core.MmuTrace;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Each event as ftrace prints KVM's: the formats are those of its tracepoints (Linux 6.x, arch/x86/kvm/trace.h, mmu/mmutrace.h,
 * include/trace/events/kvm.h), written as C has them and filled in here.
 */
class KvmTextTest {
    private static final KvmText TEXT = new KvmText(code -> code == 0x30 ? "EPT_VIOLATION" : "?", false, true);

    /** %s, %c and numbers as printf has them; the lengths do not matter here. */
    private static String printf(String format, Object... values) {
        return String.format(
                        Locale.ROOT,
                        format.replaceAll("%(#?0?\\d*)l*([xud])", "%$1$2").replace("%u", "%d"),
                        values)
                .replace("%p", "");
    }

    private static Arguments row(TraceEventType type, long[] values, String... lines) {
        return Arguments.of(type, values, List.of(lines));
    }

    private static long[] of(long... values) {
        return values;
    }

    static List<Arguments> rows() {
        List<Arguments> rows = new ArrayList<>();
        rows.add(row(L0Trace.ENTRY, of(1, 0x400), printf("kvm_entry: vcpu %u, rip 0x%lx", 1, 0x400)));
        String exit =
                "vcpu %u reason %s%s%s rip 0x%lx info1 0x%016llx info2 0x%016llx intr_info 0x%08x error_code 0x%08x";
        long[] values = of(1, 0x30, 0x400, 0x182, 0, 0x80000b0eL, 0x10);
        rows.add(row(
                L0Trace.EXIT,
                values,
                printf("kvm_exit: " + exit, 1, "EPT_VIOLATION", "", "", 0x400, 0x182, 0, 0x80000b0eL, 0x10)));
        rows.add(row(
                L0Trace.NESTED_VMEXIT,
                values,
                printf("kvm_nested_vmexit: " + exit, 1, "EPT_VIOLATION", "", "", 0x400, 0x182, 0, 0x80000b0eL, 0x10)));
        rows.add(row(
                L0Trace.PAGE_FAULT,
                of(0, 0x400, 0xfee00000L, 0x14),
                printf(
                        "kvm_page_fault: vcpu %u rip 0x%lx address 0x%016llx error_code 0x%llx",
                        0, 0x400, 0xfee00000L, 0x14)));
        rows.add(row(L0Trace.INJ_VIRQ, of(0x20, 0, 0), printf("kvm_inj_virq: %s 0x%x%s", "IRQ", 0x20, "")));
        rows.add(row(
                L0Trace.INJ_VIRQ,
                of(0x19, 1, 1),
                printf("kvm_inj_virq: %s 0x%x%s", "Soft/INTn", 0x19, " [reinjected]")));
        rows.add(row(L0Trace.INJ_EXCEPTION, of(13, 1, 0, 0), "kvm_inj_exception: #GP (0x0)"));
        rows.add(row(L0Trace.INJ_EXCEPTION, of(6, 0, 0, 0), "kvm_inj_exception: #UD"));
        rows.add(row(L0Trace.INJ_EXCEPTION, of(11, 1, 0x18, 1), "kvm_inj_exception: #NP (0x18) [reinjected]"));
        rows.add(row(
                L0Trace.HYPERCALL,
                of(10, 1, 2, 3, 4),
                printf("kvm_hypercall: nr 0x%lx a0 0x%lx a1 0x%lx a2 0x%lx a3 0x%lx", 10, 1, 2, 3, 4)));
        accesses(rows);
        mmu(rows);
        return rows;
    }

    private static void accesses(List<Arguments> rows) {
        String pio = "kvm_pio: pio_%s at 0x%x size %d count %d val 0x%x %s";
        String mmio = "kvm_mmio: mmio %s len %u gpa 0x%llx val 0x%llx";
        String apic = "kvm_apic: apic_%s %s = 0x%x";
        rows.add(row(TraceEvents.PORT_READ, of(0x3fd, 1, 0x60), printf(pio, "read", 0x3fd, 1, 1, 0x60, "")));
        rows.add(row(TraceEvents.PORT_WRITE, of(0x80, 4, 7), printf(pio, "write", 0x80, 4, 1, 7, "")));
        rows.add(row(
                TraceEvents.MMIO_READ,
                of(0xd0000000L, 4, -1L >>> 32),
                printf(mmio, "read", 4, 0xd0000000L, 0xffffffffL)));
        rows.add(row(
                TraceEvents.MMIO_WRITE,
                of(0xfee000f0L, 4, 0x1ff),
                printf(mmio, "write", 4, 0xfee000f0L, 0x1ff),
                printf(apic, "write", "APIC_SPIV", 0x1ff)));
        rows.add(row(
                TraceEvents.MMIO_READ,
                of(0xfee00020L, 4, 0),
                printf(apic, "read", "APIC_ID", 0),
                printf(mmio, "read", 4, 0xfee00020L, 0)));
        String msr = "kvm_msr: msr_%s %x = 0x%llx%s";
        rows.add(row(TraceEvents.MSR_WRITE, of(0xc0000080L, 0xd00), printf(msr, "write", 0xc0000080L, 0xd00, "")));
        rows.add(row(
                TraceEvents.MSR_WRITE,
                of(0x80b, 0),
                printf(apic, "write", "APIC_EOI", 0),
                printf(msr, "write", 0x80b, 0, "")));
        rows.add(row(TraceEvents.MSR_READ, of(0x1b, 0xfee00900L), printf(msr, "read", 0x1b, 0xfee00900L, "")));
        rows.add(row(
                TraceEvents.MSR_READ,
                of(0x803, 0x50014),
                printf(apic, "read", "APIC_LVR", 0x50014),
                printf(msr, "read", 0x803, 0x50014, "")));
        rows.add(row(TraceEvents.MSR_FAULT, of(0, 0x123, 0), printf(msr, "read", 0x123, 0, " (#GP)")));
        rows.add(row(TraceEvents.MSR_FAULT, of(1, 0x123, 7), printf(msr, "write", 0x123, 7, " (#GP)")));
        String cr = "kvm_cr: cr_%s %x = 0x%lx";
        rows.add(row(TraceEvents.CR_WRITE, of(3, 0x1000), printf(cr, "write", 3, 0x1000)));
        rows.add(row(TraceEvents.CR_READ, of(8, 0xf), printf(cr, "read", 8, 0xf)));
        rows.add(row(TraceEvents.EOI, of(0x40), printf("kvm_eoi: apicid %x vector %d", 0, 0x40)));
        String insn = "kvm_emulate_insn: %x:%llx:%s (%s)%s";
        rows.add(row(
                L0Trace.EMULATE,
                of(0, 0x100123, 10, 0x0807060504030281L, 0x0a09, 1 | 8, 0),
                printf(insn, 0, 0x100123, "81 02 03 04 05 06 07 08 09 0a", "prot64", "")));
        rows.add(row(
                L0Trace.EMULATE,
                of(0xf0000L, 0xfff0, 1, 0x6e, 0, 0, 1),
                printf(insn, 0xf0000, 0xfff0, "6e", "real", " failed")));
        String ipi = "kvm_apic_ipi: dst %x vec %u (%s|%s|%s|%s|%s)";
        rows.add(row(
                TraceEvents.IPI,
                of(0x0100000000004608L),
                printf(ipi, 1, 8, "SIPI", "physical", "assert", "edge", "dst")));
        rows.add(row(
                TraceEvents.IPI,
                of(0x00000002000c0830L),
                printf(ipi, 2, 0x30, "Fixed", "logical", "de-assert", "edge", "all-but-self")));
    }

    private static void mmu(List<Arguments> rows) {
        // Level 1, 8 bytes, quadrant 2, write and user, NX; as the page's role has it.
        int role = 1 | 2 << 5 | (1 | 2 | 8) << 8 | 1 << 12;
        String page = "sp gen %u gfn %llx l%u %u-byte q%u%s %s%s %snxe %sad root %u %s";
        String shown = printf(page, 1, 0x207, 1, 8, 2, "", "wu-", "", "", "", 0, "unsync");
        rows.add(row(MmuTrace.SYNC_PAGE, of(0x207, role, 0, 1, 1), "kvm_mmu_sync_page: " + shown));
        rows.add(row(MmuTrace.UNSYNC_PAGE, of(0x207, role, 0, 1, 1), "kvm_mmu_unsync_page: " + shown));
        rows.add(row(MmuTrace.PREPARE_ZAP_PAGE, of(0x207, role, 0, 1, 1), "kvm_mmu_prepare_zap_page: " + shown));
        rows.add(row(MmuTrace.GET_PAGE, of(0x207, role, 0, 1, 1, 1), "kvm_mmu_get_page: " + shown + " new"));
        int direct = 4 | 1 << 7 | (1 | 2 | 4 | 8) << 8 | 1 << 16;
        rows.add(row(
                MmuTrace.GET_PAGE,
                of(0, direct, 1, 0, 0, 0),
                "kvm_mmu_get_page: " + printf(page, 0, 0, 4, 8, 0, " direct", "wux", "", "!", "!", 1, "sync")
                        + " existing"));
        rows.add(row(
                MmuTrace.SET_SPTE,
                of(0x300, 0x100600037L, 0x10b010, 1),
                printf(
                        "kvm_mmu_set_spte: gfn %llx spte %llx (%s%s%s%s) level %d at %llx",
                        0x300, 0x100600037L, "r", "w", "x", "u", 1, 0x10b010)));
        rows.add(row(
                MmuTrace.PAGETABLE_WALK,
                of(0x40000000, 0x17),
                printf("kvm_mmu_pagetable_walk: addr %llx pferr %x %s", 0x40000000, 0x17, "P|W|U|F")));
        rows.add(row(MmuTrace.WALKER_ERROR, of(9), printf("kvm_mmu_walker_error: pferr %x %s", 9, "P|RSVD")));
        rows.add(row(
                MmuTrace.ZAP_ALL_FAST,
                of(1, 0x1f),
                printf("kvm_mmu_zap_all_fast: kvm-mmu-valid-gen %u used_pages %x", 1, 0x1f)));
        rows.add(row(
                MmuTrace.CHECK_MMIO_SPTE,
                of(0xfee00, 0x14, 0x12, 0),
                printf("check_mmio_spte: spte %llx kvm_gen %x spte-gen %x valid %d", 0xfee00, 0x14, 0x12, 0)));
        rows.add(row(
                MmuTrace.HANDLE_MMIO_PAGE_FAULT,
                of(0x40000000, 0xd0000, 2 | 8),
                printf("handle_mmio_page_fault: addr:%llx gfn %llx access %x", 0x40000000, 0xd0000, 6)));
        // What %p prints is the host's pointer; here it is the entry's physical address.
        rows.add(row(
                MmuTrace.MARK_MMIO_SPTE,
                of(0x115000, 0xfee00, 2 | 8, 0x15e),
                printf("mark_mmio_spte: sptep:%s gfn %llx access %x gen %x", "0000000000115000", 0xfee00, 6, 0x15e)));
        rows.add(row(
                MmuTrace.FAST_PAGE_FAULT,
                of(0x5000, 3, 0x115000, 0x100, 0x102),
                printf(
                        "fast_page_fault: vcpu %d gva %llx error_code %s sptep %s old %#llx new %llx spurious %d fixed %d",
                        0, 0x5000, "P|W", "0000000000115000", 0x100, 0x102, 0, 1)));
        rows.add(row(MmuTrace.PAGE_FAULT, of(0x5000, 3)));
    }

    @ParameterizedTest
    @MethodSource("rows")
    void eventsArePrintedAsKvms(TraceEventType type, long[] values, List<String> lines) {
        assertThat(TEXT.lines(type, 0, values)).isEqualTo(lines);
    }
}

package nestbox.mmu.core;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import nestbox.core.Clock;
import nestbox.core.trace.Trace;
import nestbox.core.trace.TraceEventType;
import nestbox.core.trace.TraceSink;
import nestbox.mmu.core.Rig.Vcpu;
import nestbox.mmu.paging.Access;
import org.junit.jupiter.api.Test;

/** KVM's tracepoints of the MMU. */
class MmuTraceTest {
    private final List<String> events = new ArrayList<>();

    private Trace trace() {
        Trace trace = new Trace(new Clock());
        trace.addSink(new TraceSink() {
            @Override
            public void event(TraceEventType type, long time, int cpu, int level, long[] values) {
                events.add(type.name() + " " + Long.toHexString(values[0]));
            }

            @Override
            public void close() {}
        });
        return trace;
    }

    @Test
    void aFaultAnMmioAccessAndAZapAreSeen() {
        Rig rig = new Rig(MmuConfig.ept(Rig.HOST_BITS), Rig.RAM_BYTES, trace());
        Vcpu cpu = rig.vcpu(GuestModel.intel(40));
        cpu.start();
        cpu.access(0x5000, Access.READ);
        cpu.access(0x4000_0000L, Access.READ);
        cpu.access(0x4000_1000L, Access.READ);
        cpu.access(0x4000_0000L, Access.READ);
        rig.vm.zapAllFast();
        assertThat(events)
                .containsSubsequence(
                        "kvm_mmu_get_page 0",
                        "kvm_page_fault 5000",
                        "kvm_mmu_set_spte 0",
                        "kvm_page_fault 40000000",
                        "kvm_page_fault 40001000",
                        "kvm_page_fault 40000000",
                        "handle_mmio_page_fault 40000000",
                        "kvm_mmu_zap_all_fast 1");
        assertThat(events).anyMatch(event -> event.startsWith("mark_mmio_spte"));
        assertThat(events).anyMatch(event -> event.startsWith("check_mmio_spte"));
    }

    @Test
    void namesAreUnique() {
        assertThat(MmuTrace.all().stream().map(TraceEventType::name)).doesNotHaveDuplicates();
    }
}

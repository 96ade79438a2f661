package nestbox.vmx.silicon;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.StringWriter;
import java.util.ArrayList;
import java.util.List;
import nestbox.core.trace.JsonSink;
import nestbox.core.trace.TextSink;
import nestbox.core.trace.TraceEventType;
import nestbox.core.trace.TraceSink;
import nestbox.machine.Machine;
import nestbox.vmx.vmcs.VmcsField;
import org.junit.jupiter.api.Test;

/** What an observer sees of VMX: entries, exits, failing checks, field accesses, invalidations. */
class VmxTraceTest {
    private static final String MODEL = "IvyBridge,+vmx";

    private static Hypervisor oneExit() {
        return new Hypervisor(true, true)
                .asm("vmlaunch\nfailed:\n" + Hypervisor.END + "exit:\n")
                .result(VmcsField.VM_EXIT_REASON, 0)
                .asm("mov eax, 1\ninvept eax, [invept_descriptor]\ninvvpid eax, [invvpid_descriptor]\n")
                .field(VmcsField.HOST_CS_SELECTOR, 0)
                .asm("vmresume\n" + Hypervisor.END + "l2:\nvmcall\n");
    }

    @Test
    void eventsInOrder() {
        List<String> seen = new ArrayList<>();
        Machine machine = oneExit().machine(MODEL, "keep");
        machine.trace().addSink(new TraceSink() {
            @Override
            public void event(TraceEventType type, long time, int cpu, int level, long[] values) {
                if (VmxTrace.all().contains(type)) {
                    seen.add(type.name()
                            + ' '
                            + Long.toHexString(values[0])
                            + (type == VmxTrace.ENTRY ? "" : " " + Long.toHexString(values[1])));
                }
            }

            @Override
            public void close() {}
        });
        machine.run(100_000);
        List<String> tail = seen.subList(seen.size() - 8, seen.size());
        assertThat(tail.get(0)).as("the last field before the entry").startsWith("vmcs_write 681e ");
        assertThat(tail.get(1)).startsWith("vm_entry ");
        assertThat(tail.subList(2, 7))
                .containsExactly(
                        "vm_exit 12 0",
                        "vmcs_read 4402 12",
                        "invept 1 " + Integer.toHexString(Hypervisor.EPT_ROOT + 0x1e),
                        "invvpid 1 1",
                        "vmcs_write c02 0");
        assertThat(tail.get(7)).startsWith("vm_entry_check ");
    }

    @Test
    void peopleReadWords() {
        StringWriter text = new StringWriter();
        StringWriter json = new StringWriter();
        Machine machine = oneExit().machine(MODEL, "keep");
        machine.trace().addSink(new TextSink(text));
        machine.trace().addSink(new JsonSink(json));
        machine.run(100_000);
        machine.trace().close();
        assertThat(text.toString())
                .contains("vm_exit: reason=18(VMCALL) qualification=0x0")
                .contains("vmcs_read: field=0x4402(VM_EXIT_REASON) value=0x12 shadow=0")
                .contains("(host.cs-selector.null) kind=1(VMFAIL_VALID) number=8");
        assertThat(json.toString()).contains("\"reason\":18,\"reason_name\":\"VMCALL\",\"qualification\":0");
    }
}

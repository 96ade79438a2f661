package nestbox.testkit;

import static nestbox.testkit.NestboxAssertions.assertThat;
import static org.assertj.core.api.Assertions.assertThat;

import java.io.StringWriter;
import nestbox.core.trace.TextSink;
import nestbox.modules.L0Mode;
import nestbox.modules.NestboxModule;
import nestbox.testkit.guest.Guest;

/** What L0 does for its guest's accesses, as events: KVM has tracepoints for each of them ({@code KvmText} has their texts). */
class AccessTraceTest {
    @NestedTest(
            cpu = {"max,+vmx", "max,+svm"},
            l0 = L0Mode.SHADOW)
    void readsFaultsAndEmulatedInstructions(NestedLab lab) {
        StringWriter text = new StringWriter();
        lab.with(new NestboxModule() {
            @Override
            protected void configure() {
                observer(new TextSink(text));
            }
        });
        Guest guest = Guest.longMode()
                .tables("tables", t -> t.identity(1 << 30).map(0x40000000L, Guest.NO_MEMORY))
                .body("""
                        mov eax, tables
                        mov cr3, rax
                        mov rax, cr3
                        mov ecx, 0x1b
                        rdmsr
                        mov al, [0x40000000]
                        mov esi, letter
                        mov edx, 0x3f8
                        outsb
                        jmp finish
                        letter: db 'A'
                        """);
        assertThat(lab.run(guest)).endedWell().printed("A");
        assertThat(text.toString())
                .contains("cr_read: register=3 value=0x")
                .contains("msr_read: msr=0x1b value=0xfee00900")
                .containsPattern(
                        "kvm_emulate_insn: csbase=0x0 rip=0x[0-9a-f]+ length=7 bytes=0x4000000025048a bytes_8=0x0 mode=9")
                .containsPattern("kvm_emulate_insn: .* length=1 bytes=0x6e ");
    }
}

package nestbox.testkit;

import static nestbox.testkit.NestboxAssertions.assertThat;

import nestbox.testkit.guest.Guest;

/** Software interrupts whose delivery L0 must let hardware repeat, as their stacks are not mapped yet. */
class SoftInterruptTest {
    /** The second one stands where the first one returns to, and gets a stack of its own from the handler. */
    @NestedTest(cpu = {"EPYC-Milan,+svm", "EPYC-Milan,+svm,-nrip-save", "max,+vmx"})
    void oneBehindTheOther(NestedLab lab) {
        Guest guest = Guest.longMode().handler(0x40, "own").body("""
                        xor ebx, ebx
                        mov esp, 0x1500ff0
                        int 0x40
                        int 0x40
                        mov esp, l1_stack
                        lea eax, [rbx + '0']
                        jmp tell
                        """).label("own", """
                        inc ebx
                        mov qword [rsp + 24], 0x1900ff0
                        iretq
                        """);
        assertThat(lab.run(guest)).endedWell().printed("2");
    }
}

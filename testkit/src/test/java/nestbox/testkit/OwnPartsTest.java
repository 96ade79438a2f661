package nestbox.testkit;

import static nestbox.testkit.NestboxAssertions.assertThat;

import nestbox.core.StateReader;
import nestbox.core.StateWriter;
import nestbox.core.Stateful;
import nestbox.machine.bus.Bus;
import nestbox.machine.bus.PortHandler;
import nestbox.mmu.core.MmuPolicy;
import nestbox.mmu.core.PolicyValue;
import nestbox.mmu.core.Rule;
import nestbox.modules.L0Mode;
import nestbox.modules.NestboxModule;
import nestbox.testkit.guest.Guest;

class OwnPartsTest {
    /** One port that gives back one more than was written to it. */
    static final class Counter implements PortHandler, Stateful {
        private long last;

        Counter(Bus bus) {
            bus.mapPorts(0x200, 1, 1, this);
        }

        @Override
        public long in(int port, int bytes) {
            return last + 1;
        }

        @Override
        public void out(int port, int bytes, long value) {
            last = value;
        }

        @Override
        public void save(StateWriter out) {
            out.writeLong(last);
        }

        @Override
        public void restore(StateReader in) {
            last = in.readLong();
        }
    }

    @NestedTest(l0 = {L0Mode.NONE, L0Mode.TDP, L0Mode.SHADOW})
    void aDeviceAndAPolicyOfMyOwn(NestedLab lab) {
        Rule unlessTdp = context -> !context.tdp();
        lab.with(new NestboxModule() {
            @Override
            protected void configure() {
                device((bus, lines, clock, events) -> new Counter(bus));
                policy(
                        MmuPolicy.ROOTS_FORCE_SYNC_ON_REUSE,
                        new PolicyValue("mine", PolicyValue.Verdict.SLOW, "here", "except with TDP", unlessTdp));
            }
        });
        Guest guest = Guest.longMode()
                .body(
                        "mov dx, 0x200 \n mov al, 'A' \n out dx, al \n in al, dx \n mov dx, 0x3f8 \n out dx, al \n jmp finish");
        assertThat(lab.run(guest)).endedWell().printed("B");
    }
}

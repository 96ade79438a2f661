package nestbox.l0;

import nestbox.x86.Cpu;
import nestbox.x86.Reg;

/** KVM's hypercalls (Linux documentation, "Linux KVM Hypercall"). */
final class Hypercalls {
    private static final long ENOSYS = 1000;
    private static final long EPERM = 1;
    private static final int VAPIC_POLL_IRQ = 1;

    private final Vcpu vcpu;

    Hypercalls(Vcpu vcpu) {
        this.vcpu = vcpu;
    }

    void handle(int length) {
        Cpu guest = vcpu.guest();
        vcpu.need(StateGroup.BASIC | StateGroup.SEGMENTS);
        long mask = guest.codeSize == 64 ? -1 : 0xffffffffL;
        long number = guest.r[Reg.RAX] & mask;
        L0Trace.hypercall(
                vcpu,
                number,
                guest.r[Reg.RBX] & mask,
                guest.r[Reg.RCX] & mask,
                guest.r[Reg.RDX] & mask,
                guest.r[Reg.RSI] & mask);
        long result;
        if (guest.cpl != 0) {
            result = -EPERM;
        } else {
            result = number == VAPIC_POLL_IRQ ? 0 : -ENOSYS;
        }
        guest.r[Reg.RAX] = result & mask;
        vcpu.emulator().skip(length);
    }
}

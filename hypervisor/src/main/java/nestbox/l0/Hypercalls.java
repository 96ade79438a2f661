package nestbox.l0;

import nestbox.machine.apic.CpuApic;
import nestbox.x86.Cpu;
import nestbox.x86.Reg;
import nestbox.x86.model.Vendor;

/** KVM's hypercalls (Linux documentation, "Linux KVM Hypercall"). */
final class Hypercalls {
    private static final long ENOSYS = 1000;
    private static final long EPERM = 1;
    private static final long EINVAL = 22;
    private static final int VAPIC_POLL_IRQ = 1;
    private static final int SEND_IPI = 10;
    private static final int SCHED_YIELD = 11;
    /** Of an ICR: the destination is logical, a shorthand. */
    private static final long ICR_LOGICAL = 1 << 11;

    private static final long ICR_SHORTHAND = 3 << 18;
    private static final int[] VMCALL = {0x0f, 0x01, 0xc1};
    private static final int[] VMMCALL = {0x0f, 0x01, 0xd9};

    private final Vcpu vcpu;

    Hypercalls(Vcpu vcpu) {
        this.vcpu = vcpu;
    }

    void handle(int length) {
        Cpu guest = vcpu.guest();
        vcpu.need(StateGroup.BASIC | StateGroup.CODE);
        boolean wide = guest.codeSize == 64;
        long mask = wide ? -1 : 0xffffffffL;
        long number = guest.r[Reg.RAX] & mask;
        long first = guest.r[Reg.RBX] & mask;
        long second = guest.r[Reg.RCX] & mask;
        long third = guest.r[Reg.RDX] & mask;
        long fourth = guest.r[Reg.RSI] & mask;
        L0Trace.hypercall(vcpu, number, first, second, third, fourth);
        vcpu.hypervisor().counters().hypercalls++;
        long result = guest.cpl != 0 ? -EPERM : call(number, first, second, third, fourth, wide ? 64 : 32);
        guest.r[Reg.RAX] = result & mask;
        vcpu.emulator().skip(length);
    }

    private long call(long number, long first, long second, long third, long fourth, int bits) {
        if (number == VAPIC_POLL_IRQ || number == SCHED_YIELD) {
            return 0;
        }
        return number == SEND_IPI ? sendIpi(first, second, third, fourth, bits) : -ENOSYS;
    }

    /**
     * Sends an interrupt to the APIC ids from {@code lowest} on whose bits are set.
     *
     * @param bits width of each half of the bitmap
     * @return how many processors took it
     */
    private long sendIpi(long low, long high, long lowest, long icr, int bits) {
        if ((icr & (ICR_LOGICAL | ICR_SHORTHAND)) != 0) {
            return -EINVAL;
        }
        long count = 0;
        for (Vcpu to : vcpu.hypervisor().vcpus()) {
            long bit = to.guest().apic.apicId() - (lowest & 0xffffffffL);
            boolean named = bit >= 0 && bit < 2L * bits && ((bit < bits ? low : high) >>> bit % bits & 1) != 0;
            if (named && ((CpuApic) to.guest().apic).local().receive((int) icr >>> 8 & 7, (int) icr & 0xff)) {
                count++;
            }
        }
        return count;
    }

    /** Puts the silicon's own instruction in the place of the other vendor's at RIP; false if none is there. */
    boolean patch() {
        boolean amd = vcpu.guest().features.vendor() == Vendor.AMD;
        if (!vcpu.emulator().finds(amd ? VMCALL : VMMCALL)) {
            return false;
        }
        vcpu.emulator().rewrite(amd ? VMMCALL : VMCALL);
        return true;
    }
}

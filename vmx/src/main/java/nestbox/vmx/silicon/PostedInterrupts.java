package nestbox.vmx.silicon;

import nestbox.mmu.memory.PhysicalMemory;
import nestbox.vmx.vmcs.VmcsField;
import nestbox.x86.Cpu;

/** SDM Vol. 3, "Posted-Interrupt Processing": an interrupt that only says that the descriptor holds requests. */
final class PostedInterrupts {
    private static final int WORDS = 8;
    /** Byte of the descriptor with the outstanding-notification bit, bit 256. */
    private static final int OUTSTANDING = 32;

    private final Vmx vmx;
    private final Cpu cpu;

    PostedInterrupts(Vmx vmx) {
        this.vmx = vmx;
        cpu = vmx.cpu;
    }

    /** Whether the acknowledged vector is the notification; it is then done with. */
    boolean process(int vector) {
        if (!vmx.controls.pin(Controls.POSTED) || vector != vmx.vmcs.get(VmcsField.POSTED_INTR_NV)) {
            return false;
        }
        PhysicalMemory memory = cpu.physical;
        long descriptor = vmx.vmcs.get(VmcsField.POSTED_INTR_DESC_ADDR);
        memory.write(descriptor + OUTSTANDING, 1, memory.read(descriptor + OUTSTANDING, 1) & ~1L);
        cpu.apic.endOfInterrupt();
        for (int i = 0; i < WORDS; i++) {
            long requests = memory.read(descriptor + 4L * i, 4);
            if (requests != 0) {
                memory.write(descriptor + 4L * i, 4, 0);
                vmx.virtualApic.post(i, requests);
            }
        }
        vmx.virtualApic.evaluate();
        cpu.ticks++;
        return true;
    }
}

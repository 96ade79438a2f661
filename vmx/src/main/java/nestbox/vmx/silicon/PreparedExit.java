package nestbox.vmx.silicon;

import nestbox.mmu.memory.PhysicalMemory;
import nestbox.vmx.vmcs.ExitReason;
import nestbox.vmx.vmcs.VmcsField;
import nestbox.x86.Cpu;
import nestbox.x86.Flags;
import nestbox.x86.Vector;
import nestbox.x86.system.EventInDelivery;
import nestbox.x86.system.Exceptions;

/**
 * The exit of an access that unwinds: noted where the access is refused, made when the instruction or delivery has ended. An EPT
 * violation may become a virtualization exception instead (SDM Vol. 3, "Virtualization Exceptions").
 */
final class PreparedExit {
    /** Offsets in the virtualization-exception information area; the word behind the reason says that it is in use. */
    private static final int IN_USE = 4;

    private static final int QUALIFICATION = 8;
    private static final int LINEAR = 16;
    private static final int PHYSICAL = 24;
    private static final int EPTP_INDEX = 32;

    private final Vmx vmx;
    private final Cpu cpu;
    private ExitReason reason;
    private long qualification;
    /** The guest-physical and guest-linear address fields are the exit's. */
    private boolean addressed;

    private long physical;
    private long linear;
    private boolean convertible;

    PreparedExit(Vmx vmx) {
        this.vmx = vmx;
        cpu = vmx.cpu;
    }

    void note(ExitReason exitReason, long exitQualification) {
        reason = exitReason;
        qualification = exitQualification;
        addressed = false;
        convertible = false;
    }

    void note(ExitReason exitReason, long exitQualification, long guestPhysical, long guestLinear) {
        note(exitReason, exitQualification);
        addressed = true;
        physical = guestPhysical;
        linear = guestLinear;
    }

    /** The EPT violation just noted does not suppress #VE. */
    void convertible() {
        convertible = true;
    }

    /** These exits save RF set, or as an event in delivery would have pushed it (SDM Vol. 3, "Saving RIP, RSP, RFLAGS, and SSP"). */
    void leave() {
        if (convertible && convert()) {
            Exceptions.exception(cpu, Vector.VE, EventInDelivery.EXCEPTION, false, 0, 0, true);
            return;
        }
        if (addressed) {
            vmx.vmcs.set(VmcsField.GUEST_PHYSICAL_ADDRESS, physical);
            vmx.vmcs.set(VmcsField.GUEST_LINEAR_ADDRESS, linear);
        }
        if (!cpu.event.active) {
            cpu.systemFlags |= Flags.RF;
            vmx.vmcs.set(VmcsField.VM_EXIT_INSTRUCTION_LEN, cpu.faultLength);
        } else if (cpu.event.resume) {
            cpu.systemFlags |= Flags.RF;
        }
        vmx.exit.event(reason, qualification);
    }

    /** Fills the information area, if the guest can take a #VE. */
    private boolean convert() {
        PhysicalMemory memory = cpu.physical;
        long area = vmx.vmcs.get(VmcsField.VE_INFORMATION_ADDRESS);
        if (!cpu.protectedMode() || cpu.event.active || memory.read(area + IN_USE, 4) != 0) {
            return false;
        }
        memory.write(area, 4, reason.number());
        memory.write(area + IN_USE, 4, 0xffffffffL);
        memory.write(area + QUALIFICATION, 8, qualification);
        memory.write(area + LINEAR, 8, linear);
        memory.write(area + PHYSICAL, 8, physical);
        memory.write(area + EPTP_INDEX, 2, vmx.vmcs.get(VmcsField.EPTP_INDEX));
        return true;
    }
}

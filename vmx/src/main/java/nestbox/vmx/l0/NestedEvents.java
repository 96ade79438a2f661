package nestbox.vmx.l0;

import nestbox.l0.NestedPolicy;
import nestbox.l0.StateGroup;
import nestbox.vmx.capability.VmxFeature;
import nestbox.vmx.vmcs.ExitReason;
import nestbox.vmx.vmcs.InterruptionType;
import nestbox.x86.Cpu;
import nestbox.x86.Flags;
import nestbox.x86.Vector;
import nestbox.x86.system.EventInDelivery;
import nestbox.x86.system.Exceptions;

/** Events that make an exit of L2 to L1, by vmcs12's controls (SDM Vol. 3, "Other Causes of VM Exits"). */
final class NestedEvents {
    private final NestedVmx vmx;
    private final Cpu cpu;

    NestedEvents(NestedVmx vmx) {
        this.vmx = vmx;
        cpu = vmx.cpu;
    }

    /** An exception that L1 wants. */
    boolean exception(int vector, boolean hasErrorCode, long errorCode, long detail) {
        int type = vector == Vector.BP || vector == Vector.OF
                ? EventInDelivery.SOFTWARE_EXCEPTION
                : EventInDelivery.EXCEPTION;
        long word =
                vector | (long) type << 8 | InterruptionType.VALID | (hasErrorCode ? InterruptionType.ERROR_CODE : 0);
        long qualification = vector == Vector.PF || vector == Vector.DB ? detail : 0;
        if (Exceptions.isFault(vector)) {
            // RFLAGS are saved as the fault would push them (SDM Vol. 3, "Saving RIP, RSP, RFLAGS, and SSP").
            cpu.systemFlags |= Flags.RF;
        }
        if (vector == Vector.DF) {
            // It does not count as met in the delivery of what it has replaced.
            vmx.vcpu.eventAgain().clear();
        }
        vmx.exit.interruption(ExitReason.EXCEPTION_NMI, qualification, word, errorCode);
        return true;
    }

    /** False if an interrupt does not leave L2, or has been posted to it. */
    boolean interrupt() {
        if (!vmx.controls.pin(VmxFeature.EXTERNAL_INTERRUPT_EXITING) || inShadow(false)) {
            return false;
        }
        long word = 0;
        if (vmx.controls.exit(VmxFeature.ACKNOWLEDGE_INTERRUPT)) {
            int vector;
            do {
                vector = cpu.apic.acknowledge();
                if (vector < 0) {
                    return false;
                }
            } while (vmx.apic.posted(vector));
            word = vector | InterruptionType.VALID;
        }
        vmx.exit.interruption(ExitReason.EXTERNAL_INTERRUPT, 0, word, 0);
        return true;
    }

    /** What would leave L2 waits for the end of its shadow, as on the silicon. */
    private boolean inShadow(boolean ofSsAlone) {
        vmx.vcpu.need(StateGroup.BASIC);
        boolean shadow = (cpu.pending & Cpu.PENDING_SHADOW) != 0 && (!ofSsAlone || cpu.shadow == Cpu.SHADOW_MOV_SS);
        if (!shadow || !vmx.vcpu.follows(NestedPolicy.VMX_INTERRUPT_SHADOW)) {
            return false;
        }
        vmx.vcpu.leaveBehindShadow();
        return true;
    }

    boolean nmi() {
        boolean blocked = cpu.nmiBlocked && !vmx.controls.pin(VmxFeature.VIRTUAL_NMIS);
        if (!vmx.controls.pin(VmxFeature.NMI_EXITING) || blocked || inShadow(true)) {
            return false;
        }
        cpu.unpend(Cpu.PENDING_NMI);
        vmx.exit.interruption(
                ExitReason.EXCEPTION_NMI, 0, Vector.NMI | (long) InterruptionType.NMI << 8 | InterruptionType.VALID, 0);
        cpu.nmiBlocked = true;
        return true;
    }

    /** The exit that is due whatever interrupts and NMIs wait (facts D.8), or null. Hardware opens windows if L2 is active. */
    ExitReason due() {
        if (vmx.trapFlag) {
            return ExitReason.MONITOR_TRAP_FLAG;
        }
        if (vmx.timer.expired()) {
            return ExitReason.PREEMPTION_TIMER;
        }
        cpu.unpend(Cpu.PENDING_EXTENSION);
        if (cpu.activity == Cpu.ACTIVE || cpu.activity == Cpu.WAIT_FOR_SIPI) {
            return null;
        }
        if (vmx.controls.primary(VmxFeature.NMI_WINDOW_EXITING) && !cpu.nmiBlocked) {
            return ExitReason.NMI_WINDOW;
        }
        boolean window = vmx.controls.primary(VmxFeature.INTERRUPT_WINDOW_EXITING)
                && cpu.activity == Cpu.HALTED
                && (cpu.systemFlags & Flags.IF) != 0;
        return window ? ExitReason.INTERRUPT_WINDOW : null;
    }
}

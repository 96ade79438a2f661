package nestbox.vmx.silicon;

import nestbox.core.StateReader;
import nestbox.core.StateWriter;
import nestbox.vmx.capability.VmxCapability;
import nestbox.vmx.vmcs.ExitReason;
import nestbox.vmx.vmcs.InterruptionType;
import nestbox.vmx.vmcs.VmcsField;
import nestbox.x86.Cpu;
import nestbox.x86.Flags;
import nestbox.x86.Vector;
import nestbox.x86.VirtualizationExtension.Window;
import nestbox.x86.insn.Insn;
import nestbox.x86.system.EventInDelivery;
import nestbox.x86.system.Exceptions;

/** Exits by exceptions, interrupts, NMIs, task switches, windows, the monitor trap flag and the preemption timer. */
final class Events {
    private static final long NEVER = Long.MAX_VALUE;
    private static final int SHIFT = VmxCapability.PREEMPTION_TIMER_SHIFT;
    private static final long PRESENT = InterruptionType.VALID;
    private static final long DEBUG_BITS = 0x600f;
    private static final long NMI_UNBLOCKED = 1 << 12;
    private static final long NONE = -1;

    private final Vmx vmx;
    private final Cpu cpu;
    /** A monitor-trap-flag exit is due at the next instruction boundary. */
    private boolean trapFlag;
    /** The guest has locked the bus, and the exit for it is due at the next instruction boundary. */
    private boolean busLock;
    /** When the IRET began that unblocked NMIs, or NONE: exits of the same instruction tell of it. */
    private long unblocking = NONE;
    /** TSC at which the preemption timer reaches 0, or NEVER. */
    private long deadline = NEVER;

    Events(Vmx vmx) {
        this.vmx = vmx;
        cpu = vmx.cpu;
    }

    // ---- exceptions ----

    private boolean wanted(int vector, long errorCode) {
        boolean bit = (vmx.controls.exceptions >>> vector & 1) != 0;
        if (vector != Vector.PF) {
            return bit;
        }
        long mask = vmx.vmcs.get(VmcsField.PAGE_FAULT_ERROR_CODE_MASK);
        boolean match = (errorCode & mask) == vmx.vmcs.get(VmcsField.PAGE_FAULT_ERROR_CODE_MATCH);
        return match == bit;
    }

    boolean exception(int vector, boolean hasErrorCode, long errorCode, long detail) {
        if (!wanted(vector, errorCode)) {
            return false;
        }
        long information = vector | EventInDelivery.EXCEPTION << 8 | PRESENT;
        if (hasErrorCode && cpu.protectedMode()) {
            information |= InterruptionType.ERROR_CODE;
        }
        if (vector != Vector.DF) {
            information |= unblocked();
        }
        long qualification = 0;
        if (vector == Vector.PF) {
            qualification = detail;
        } else if (vector == Vector.DB) {
            qualification = detail & DEBUG_BITS;
            cpu.pendingDebug = 0;
        }
        if (vector == Vector.DF) {
            // It does not count as met in the delivery of what it has replaced (SDM Vol. 3, "Information for VM Exits
            // That
            // Occur During Event Delivery").
            cpu.event.active = false;
        }
        if (Exceptions.isFault(vector)) {
            // As the fault itself would push it, also one in the delivery of something else (SDM Vol. 3, "Saving RIP,
            // RSP, RFLAGS, and SSP").
            cpu.systemFlags |= Flags.RF;
        }
        vmx.exit.interruption(ExitReason.EXCEPTION_NMI, qualification, information, errorCode);
        return true;
    }

    boolean softwareException(Insn in, int vector, int type) {
        if (!wanted(vector, 0)) {
            return false;
        }
        vmx.exit.rewind(in);
        long information = vector | (long) type << 8 | PRESENT;
        vmx.exit.interruption(ExitReason.EXCEPTION_NMI, 0, information, 0);
        return true;
    }

    // ---- interrupts ----

    boolean externalInterrupt() {
        if (!vmx.controls.pin(Controls.EXTERNAL_INTERRUPT)) {
            return false;
        }
        long information = 0;
        if (vmx.controls.exit(Controls.ACKNOWLEDGE)) {
            int vector = cpu.apic.acknowledge();
            if (vector < 0) {
                return false;
            }
            if (vmx.posted.process(vector)) {
                return true;
            }
            information = vector | PRESENT;
        }
        vmx.exit.interruption(ExitReason.EXTERNAL_INTERRUPT, 0, information, 0);
        return true;
    }

    boolean nmi() {
        if (!vmx.controls.pin(Controls.NMI)) {
            return false;
        }
        long information = Vector.NMI | InterruptionType.NMI << 8 | PRESENT;
        vmx.exit.interruption(ExitReason.EXCEPTION_NMI, 0, information, 0);
        cpu.nmiBlocked = true;
        return true;
    }

    /** Source 3 is a gate in the IDT: the IDT-vectoring information tells of the event. */
    boolean taskSwitch(int selector, int source) {
        int length = source == 3 ? cpu.event.length : cpu.farLength;
        cpu.rip = cpu.wrapRip(cpu.rip - length);
        vmx.vmcs.set(VmcsField.VM_EXIT_INSTRUCTION_LEN, length);
        vmx.exit.event(ExitReason.TASK_SWITCH, selector & 0xffffL | (long) source << 30);
        return true;
    }

    // ---- windows ----

    /** A VM entry has loaded the guest; {@code injecting} an event. */
    void begin(boolean injecting) {
        trapFlag = injecting && vmx.controls.primary(Controls.TRAP_FLAG);
        deadline = NEVER;
        if (vmx.controls.pin(Controls.TIMER)) {
            startTimer(vmx.vmcs.get(VmcsField.VMX_PREEMPTION_TIMER_VALUE));
        }
        vmx.virtualApic.begin();
        vmx.pauseLoops.begin();
        arm();
    }

    /** The guest goes on after SMM. */
    void resume() {
        arm();
    }

    /** IRET begins to execute, and unblocks NMIs if they were {@code blocked}. */
    void iret(boolean blocked) {
        unblocking = blocked ? tick() : NONE;
    }

    private long tick() {
        return cpu.ticks + cpu.cursor;
    }

    /**
     * What qualifications and interruption information of exits by a fault of IRET tell: NMIs were blocked before it (SDM Vol. 3,
     * "NMI unblocking due to IRET").
     */
    long unblocked() {
        return unblocking == tick() && !cpu.event.active ? NMI_UNBLOCKED : 0;
    }

    void injectTrapFlag() {
        trapFlag = true;
        arm();
    }

    /** Asks to be asked if any window may open. */
    private void arm() {
        if (cpu.activity != Cpu.WAIT_FOR_SIPI && waiting()) {
            cpu.pend(Cpu.PENDING_EXTENSION);
        } else {
            cpu.unpend(Cpu.PENDING_EXTENSION);
        }
    }

    /** IF or the blocking of NMIs has changed, or may have. */
    void recheck() {
        if (cpu.activity != Cpu.WAIT_FOR_SIPI && unblockedWindow()) {
            cpu.pend(Cpu.PENDING_EXTENSION);
        }
    }

    /** Windows that only IRET, or an instruction that sets IF, can open are checked then, not at every boundary. */
    private boolean unblockedWindow() {
        boolean open = (cpu.systemFlags & Flags.IF) != 0;
        return open && (vmx.controls.primary(Controls.INTERRUPT_WINDOW) || vmx.virtualApic.recognized())
                || !vmx.virtualNmiBlocked && vmx.controls.primary(Controls.NMI_WINDOW);
    }

    private boolean waiting() {
        return trapFlag
                || busLock
                || vmx.controls.primary(Controls.TRAP_FLAG)
                || unblockedWindow()
                || expired()
                || vmx.virtualApic.waiting();
    }

    private void startTimer(long value) {
        if (value == 0) {
            deadline = cpu.tsc();
            return;
        }
        deadline = ((cpu.tsc() >>> SHIFT) + value) << SHIFT;
        cpu.platform.wakeExtension(cpu, deadline - cpu.tscOffset);
        // An entry takes hundreds of cycles: the timer has counted before the guest's first instruction.
        cpu.letPass(1 << SHIFT);
    }

    private boolean expired() {
        return deadline != NEVER && cpu.tsc() >= deadline;
    }

    /** What the timer has left. */
    long timerValue() {
        if (deadline == NEVER) {
            return vmx.vmcs.get(VmcsField.VMX_PREEMPTION_TIMER_VALUE);
        }
        return Math.max(0, (deadline >>> SHIFT) - (cpu.tsc() >>> SHIFT));
    }

    /** The instruction that ends now has locked the bus: an exit is due behind it. */
    void busLocked() {
        busLock = true;
        cpu.pend(Cpu.PENDING_EXTENSION);
    }

    boolean busLockExit() {
        if (busLock) {
            vmx.exit.event(ExitReason.BUS_LOCK, 0);
            return true;
        }
        return false;
    }

    /** Bit 26 of the exit reason if the exit comes behind a bus lock (SDM Vol. 3, "Basic VM-Exit Information"). */
    long busLockFlag() {
        return busLock ? ExitReason.BUS_LOCK_ASSERTED : 0;
    }

    /** The guest is left. */
    void forget() {
        trapFlag = false;
        busLock = false;
        vmx.virtualApic.forget();
        if (deadline != NEVER) {
            deadline = NEVER;
            cpu.platform.wakeExtension(cpu, NEVER);
        }
    }

    boolean window(Window window) {
        if (!vmx.guest) {
            cpu.unpend(Cpu.PENDING_EXTENSION);
            return false;
        }
        return switch (window) {
            case BEFORE_TRAPS -> monitorTrap();
            case BEFORE_NMI -> timerOrNmiWindow();
            case BEFORE_INTERRUPT -> interruptWindow() || vmx.virtualApic.deliver(shadowed()) || done();
            default -> false;
        };
    }

    private boolean monitorTrap() {
        if (trapFlag) {
            vmx.exit.event(ExitReason.MONITOR_TRAP_FLAG, 0);
            return true;
        }
        trapFlag = vmx.controls.primary(Controls.TRAP_FLAG);
        return false;
    }

    private boolean timerOrNmiWindow() {
        if (expired() && cpu.activity != Cpu.WAIT_FOR_SIPI) {
            vmx.exit.event(ExitReason.PREEMPTION_TIMER, 0);
            return true;
        }
        if (vmx.controls.primary(Controls.NMI_WINDOW)
                && !vmx.virtualNmiBlocked
                && !shadowed()
                && cpu.activity != Cpu.WAIT_FOR_SIPI) {
            vmx.exit.event(ExitReason.NMI_WINDOW, 0);
            return true;
        }
        return false;
    }

    private boolean shadowed() {
        return (cpu.pending & Cpu.PENDING_SHADOW) != 0;
    }

    private boolean interruptWindow() {
        if (vmx.controls.primary(Controls.INTERRUPT_WINDOW)
                && (cpu.systemFlags & Flags.IF) != 0
                && !shadowed()
                && cpu.activity <= Cpu.HALTED) {
            vmx.exit.event(ExitReason.INTERRUPT_WINDOW, 0);
            return true;
        }
        return false;
    }

    /** False; asks for no more windows if none may open. */
    private boolean done() {
        if (!waiting()) {
            cpu.unpend(Cpu.PENDING_EXTENSION);
        }
        return false;
    }

    void save(StateWriter out) {
        out.writeBoolean(trapFlag).writeBoolean(busLock).writeLong(deadline).writeLong(unblocking);
    }

    void restore(StateReader in) {
        trapFlag = in.readBoolean();
        busLock = in.readBoolean();
        deadline = in.readLong();
        unblocking = in.readLong();
    }
}

package nestbox.x86;

import nestbox.core.StateReader;
import nestbox.core.StateWriter;
import nestbox.core.Stateful;
import nestbox.x86.insn.Insn;
import nestbox.x86.mem.SecondStage;

/**
 * The one seam by which VMX or SVM plugs into the processor. {@link Cpu#extension} is null without one, and every caller
 * asks that first, so that a processor without virtualization pays nothing.
 *
 * <p>A hook that returns true has taken the event over: it left the guest (saved its state, loaded the host's) or dropped the
 * event, and the caller returns at once without touching the processor again. Hooks stand where the manuals place the check:
 * behind the faults that come before the intercept, before any effect. A hook may also raise an exception. The defaults
 * intercept nothing, as outside guest mode.
 */
public interface VirtualizationExtension extends Stateful {
    /** Points between instructions at which {@link #window} is asked, in order of falling priority. */
    enum Window {
        /** Before SMIs and INITs: what follows from the previous instruction at once (VMX's APIC-write emulation). */
        AFTER_INSTRUCTION,
        /** Before traps on the previous instruction (monitor trap flag). */
        BEFORE_TRAPS,
        /** After traps, before NMIs (VMX preemption timer, NMI window). */
        BEFORE_NMI,
        /** After NMIs and before external interrupts (interrupt window, SVM virtual interrupts, posted interrupts). */
        BEFORE_INTERRUPT
    }

    /**
     * An exception has been raised, and is not yet merged with one in delivery: {@link Cpu#event} tells whether (and which)
     * event was being delivered; CR2 and DR6 are still unchanged. Called again with #DF if the two merged. Also called for INT1,
     * INT3 and INTO, whose length {@link Cpu#event} has.
     *
     * @param detail CR2 of a #PF, the DR6 bits of a #DB
     */
    default boolean exception(Cpu cpu, int vector, boolean hasErrorCode, long errorCode, long detail) {
        return false;
    }

    /**
     * INT1, INT3 or INTO is about to raise its exception; RIP is behind it.
     *
     * @param type {@link nestbox.x86.system.EventInDelivery#PRIVILEGED_EXCEPTION} or SOFTWARE_EXCEPTION
     */
    default boolean softwareException(Cpu cpu, Insn in, int vector, int type) {
        return exception(cpu, vector, false, 0, 0);
    }

    /**
     * A second stage of translation refused an access. The extension notes what its exit will report and must not raise; the
     * access then unwinds, and {@link #unwound} makes the exit.
     *
     * @param stage the stage; its walker tells how it refused
     * @param linear the linear address that is being translated
     * @param access what was wanted of the second stage
     * @param ofTable the access was to a paging structure of the guest, not to what the linear address translates to
     */
    default void secondStageRefused(
            Cpu cpu, SecondStage stage, long guestPhysical, long linear, int access, boolean ofTable) {}

    /**
     * An access of the guest, already translated, goes to the page that {@link nestbox.x86.mem.TranslationControl#watchPage}
     * named. The extension lets it go on, or notes what its exit will report and raises {@link Vector#EXTENSION}.
     *
     * @param bytes more than 4 for an access that crosses the page's bounds
     */
    default void watchedAccess(Cpu cpu, long physical, int bytes, int access) {}

    /** A load from the watched page, in place of the memory's; a read-modify-write carries both accesses. */
    default long watchedLoad(Cpu cpu, long physical, int bytes, int access) {
        return cpu.physical.read(physical, bytes);
    }

    /** A store to the watched page, in place of the memory's. */
    default void watchedStore(Cpu cpu, long physical, int bytes, long value) {
        cpu.physical.write(physical, bytes, value);
    }

    /** A paging structure of the guest lies in the watched page; as {@link #secondStageRefused}. */
    default void watchedTable(Cpu cpu) {}

    /**
     * The processor is being reset ({@code power}) or takes an INIT; guest mode ends with it. Registers still hold old values.
     */
    default void reset(Cpu cpu, boolean power) {}

    /** The access unwound by a {@link GuestFault} with {@link Vector#EXTENSION}: the exit that the extension prepared is due. */
    default void unwound(Cpu cpu) {}

    /** INT n is about to be executed (SVM's INTn intercept); RIP is behind it. */
    default boolean softwareInterrupt(Cpu cpu, Insn in, int vector) {
        return false;
    }

    /** An external interrupt is open and pending, not yet acknowledged. */
    default boolean externalInterrupt(Cpu cpu) {
        return false;
    }

    /**
     * Whether external interrupts are open, for an EFLAGS.IF as given (VMX external-interrupt exiting, SVM's GIF and host IF).
     * Call {@link Cpu#updatePending} when the answer may have changed.
     */
    default boolean interruptsOpen(Cpu cpu, boolean interruptFlag) {
        return interruptFlag;
    }

    /**
     * EFLAGS.IF may have changed: what waits for open interrupts sets {@link Cpu#PENDING_EXTENSION} now. Until then it need not be
     * asked at every boundary.
     */
    default void flagsChanged(Cpu cpu) {}

    /** An NMI is open and pending. */
    default boolean nmi(Cpu cpu) {
        return false;
    }

    /** IRET is about to unblock NMIs; true if it must not (virtual NMIs, an intercept defers it). */
    default boolean keepsNmiBlocked(Cpu cpu) {
        return false;
    }

    default boolean init(Cpu cpu) {
        return false;
    }

    /** A start-up IPI arrived, whatever the activity state. */
    default boolean sipi(Cpu cpu, int vector) {
        return false;
    }

    default boolean smi(Cpu cpu) {
        return false;
    }

    /**
     * The processor is about to enter SMM by the default treatment of SMIs: its registers still hold their values, and will go to
     * the state save area as they are when this returns. The extension notes in itself (or in the area, where no register lies)
     * what it must know when SMM is left, and leaves guest mode or VMX operation (SDM Vol. 3, "Default Treatment of SMI Delivery"; APM Vol. 2, "SMM and SVM").
     *
     * @param area physical address SMBASE + 8000h, to which the offsets of the save maps are added
     */
    default void enterSmm(Cpu cpu, long area) {}

    /**
     * RSM has loaded the registers from the state save area; the extension goes back to where it was.
     *
     * @return false if what it finds leads to shutdown
     */
    default boolean leaveSmm(Cpu cpu, long area) {
        return true;
    }

    /** Whether RSM to PAE paging loads the PDPTE registers from memory; asked behind {@link #leaveSmm}. */
    default boolean loadsPdptes(Cpu cpu) {
        return true;
    }

    /**
     * The delivery of an event has raised a benign exception, whose delivery has raised another, and so on, {@code deliveries} times
     * without reaching an instruction (VMX's instruction timeout).
     */
    default boolean noInstruction(Cpu cpu, int deliveries) {
        return false;
    }

    /** Whether {@link #busLocked} is to be called. */
    default boolean detectsBusLocks() {
        return false;
    }

    /** The instruction that ends now has locked the bus. */
    default void busLocked(Cpu cpu) {}

    /** The third fault; true if a VM exit takes the place of the shutdown. */
    default boolean tripleFault(Cpu cpu) {
        return false;
    }

    /** The processor is about to wait for the interrupt of an x87 exception, as IGNNE# is not asserted; RIP is at the instruction. */
    default boolean coprocessorFreeze(Cpu cpu) {
        return false;
    }

    /** Asked at every instruction boundary while {@link Cpu#PENDING_EXTENSION} is set. */
    default boolean window(Cpu cpu, Window window) {
        return false;
    }

    /**
     * A task switch has passed the checks of its gate or descriptor.
     *
     * @param source 0 CALL, 1 IRET, 2 JMP, 3 task gate in the IDT (as VMX's exit qualification numbers them)
     * @param hasErrorCode an error code would be pushed on the new task's stack (source 3)
     */
    default boolean taskSwitch(Cpu cpu, int selector, int source, boolean hasErrorCode, long errorCode) {
        return false;
    }

    /**
     * A sensitive instruction has passed the faults that precede its intercept and has had no effect yet.
     *
     * @param in the instruction; {@code cpu.rip} is behind it
     * @param operand what {@link Intercept} says of the operation
     * @param value the value to be written, if any
     */
    default boolean intercept(Cpu cpu, Intercept what, Insn in, long operand, long value) {
        return false;
    }

    /** Whether the processor is in guest mode (SVM) or VMX non-root operation. */
    default boolean inGuest() {
        return false;
    }

    /** What a read of control register {@code number} gives (guest/host masks, read shadows, virtual TPR). */
    default long controlRead(Cpu cpu, int number, long value) {
        return value;
    }

    /** The value that a write of control register 0 or 4 loads; raises #GP(0) for a bit that the mode of operation fixes. */
    default long controlWrite(Cpu cpu, int number, long value) {
        return value;
    }

    /** The time-stamp counter that the guest sees. */
    default long tsc(Cpu cpu, long value) {
        return value;
    }

    /** Whether {@link #save} writes everything; a machine whose extension does not refuses to be saved. */
    default boolean saves() {
        return false;
    }

    /**
     * Writes the extension's state between two instructions, and changes nothing. The processor's own registers, its cached
     * translations, and what lies in memory are written elsewhere.
     */
    @Override
    default void save(StateWriter out) {}

    /**
     * Reads back what {@link #save} wrote. The processor's registers and translations are restored already; the extension selects
     * its world ({@link nestbox.x86.mem.TranslationControl#enterSpace}). Memory is not: its contents must not be looked at.
     */
    @Override
    default void restore(StateReader in) {}

    /** Executes an instruction of the extension itself (VMXON, VMRUN...); raises #UD for one that it lacks. */
    void execute(Cpu cpu, ExtensionInstruction what, Insn in);
}

package nestbox.testkit.differential;

import java.util.Locale;

/**
 * What a step does. The order is that of the interpreter's table, from 1 on. Operands are called a, b and c; addresses are linear,
 * and those of page tables lie in the identity map.
 */
public enum Op {
    /** Loads 1, 2, 4 or 8 bytes (the word size at most) at a, and logs them. */
    LOAD1,
    LOAD2,
    LOAD4,
    LOAD8,
    /** Stores b at a. */
    STORE1,
    STORE2,
    STORE4,
    STORE8,
    /** Calls a and logs EAX. */
    CALL,
    /** Atomically adds b to the 4 bytes at a and logs the old value. */
    XADD,
    /** Copies c bytes from a to the scratch page with REP MOVSB. */
    COPY,
    /** Atomically ORs b to the 4 bytes at a. */
    OR,
    /** Atomically ANDs b to the 4 bytes at a. */
    AND,
    /** As LOAD4, STORE4 and CALL at CPL 3. */
    USER_LOAD,
    USER_STORE,
    USER_CALL,
    INVLPG,
    /** INVPCID of type c with PCID a and address b. */
    INVPCID,
    /** CR3 := a. */
    CR3,
    /** Inverts the bits a. */
    CR0,
    CR4,
    EFER,
    /** Writes the byte b to the PCI configuration address a. */
    PCI,
    /** An interrupt of the processor to itself through its APIC, which must be mapped. */
    IPI,
    /** Atomically replaces the 4 bytes at a by b if they are c, and logs them. */
    CMPXCHG,
    /** As LOAD4, with EFLAGS.AC set. */
    AC_LOAD,
    WRPKRU,
    /** The APIC's timer after a instructions; b: the processor halts meanwhile. */
    TIMER,
    /** A non-maskable interrupt to processor a. */
    NMI,
    /** Processor c is interrupted to invalidate: with b = 0 the address a, with 1 everything, with 2 its address space. */
    SHOOT,
    /**
     * Leaves paging, and IA-32e mode, and comes back with CR3 = a and the bits b of CR4 inverted. With bit 0 of c through real
     * mode, where the word at c[31:16] is read; with bit 1 EFER.LME is off in between.
     */
    MODE,
    /** 4 bytes at a to the test device's port, and logs what is read back: under L0 its emulator reads at a. */
    OUTS,
    /** b through the test device's port to the 4 bytes at a. */
    INS;

    @Override
    public String toString() {
        return name().toLowerCase(Locale.ROOT);
    }
}

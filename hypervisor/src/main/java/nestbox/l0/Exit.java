package nestbox.l0;

import nestbox.x86.insn.Insn;

/** One exit from the guest, decoded by the {@link VendorBackend}; the object is reused. */
public final class Exit {
    public ExitKind kind;
    /** The vendor's number of the exit reason. */
    public long code;
    /** Its name as KVM's tracepoints have it. */
    public String name;
    /** Exit qualification, EXITINFO1. */
    public long info1;
    /** Guest-physical address or instruction information, EXITINFO2. */
    public long info2;
    /** VMX's exit-interruption information, 0 where it is not valid and on SVM. */
    public long interruption;
    /** Vector of {@link ExitKind#EXCEPTION}. */
    public int vector;

    public boolean hasErrorCode;
    /** Of an exception; of {@link ExitKind#PAGE_FAULT} in the bits of {@link nestbox.mmu.core.PfError}. */
    public long errorCode;
    /** The address of a page fault; the DR6 bits of #DB. */
    public long detail;
    /** Bytes of the instruction that caused the exit, where the silicon says so. */
    public int length;
    /** The instruction that caused the exit, if it was executed in 64-bit code, where the exit names it; else null. */
    public Insn known;
}

package nestbox.svm.check;

import nestbox.svm.vmcb.VmcbField;
import nestbox.svm.vmcb.VmcbSegment;
import nestbox.x86.model.CpuFeatures;

/**
 * What check rows may look at: the VMCB, the processor model and the little state outside the VMCB that VMRUN depends on.
 * Silicon, L0 and the {@code check} tool run the same rows through it.
 */
public interface CheckContext {
    /** Value of a field, zero-extended. */
    long get(VmcbField field);

    /** The 12 attribute bits of a segment. */
    int attributes(VmcbSegment segment);

    CpuFeatures features();

    /** CR4 bits that are not reserved on this processor. */
    long cr4Bits();

    /** EFER bits that are not reserved on this processor. */
    long eferBits();

    /** Bits of S_CET that are not reserved on this processor. */
    long shadowStackBits();

    /** IA32_U_CET, which VMRUN does not load. */
    long userShadowStack();

    /** CR0.PG of the processor that executes VMRUN. */
    boolean hostPaging();

    /** EFER.LMA of the processor that executes VMRUN. */
    boolean hostLongMode();

    /** What lies at a physical address, for tables that VMRUN reads. */
    long readPhysical(long address, int bytes);
}

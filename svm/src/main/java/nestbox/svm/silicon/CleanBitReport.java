package nestbox.svm.silicon;

import nestbox.svm.vmcb.CleanBit;

/**
 * A clean bit that was set although a field under it had changed.
 *
 * @param cpu the processor
 * @param vmcb physical address of the VMCB
 * @param bit the clean bit
 * @param field the field that differs, or {@link #NEVER_LOADED}
 * @param loaded its value as the processor had it from the last VMRUN or #VMEXIT of this VMCB
 * @param present its value in memory
 */
public record CleanBitReport(int cpu, long vmcb, CleanBit bit, String field, long loaded, long present) {
    /** In place of a field: the processor has nothing cached of this VMCB, so that no bit may be set. */
    public static final String NEVER_LOADED = "";

    @Override
    public String toString() {
        String start = "processor %d, VMCB at 0x%x: clean bit %s is set, but ".formatted(cpu, vmcb, bit);
        return field.equals(NEVER_LOADED)
                ? start + "the processor never ran this VMCB"
                : start + "%s was 0x%x and is 0x%x".formatted(field, loaded, present);
    }
}

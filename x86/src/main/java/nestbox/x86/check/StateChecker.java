package nestbox.x86.check;

import nestbox.x86.model.CpuFeatures;

/** The checks of one virtualization extension on its control structure, without a processor. */
public interface StateChecker {
    /** What the control structure is called: {@code vmcs}, {@code vmcb}. */
    String structure();

    /** Whether processors of this model have the extension. */
    boolean serves(CpuFeatures cpu);

    /**
     * Runs every check.
     *
     * @throws BadDocumentException naming everything that the document has and the structure has not on this model
     */
    CheckResult check(StateDocument document, CpuFeatures cpu, CheckSequence sequence);
}

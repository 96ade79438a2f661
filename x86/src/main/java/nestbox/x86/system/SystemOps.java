package nestbox.x86.system;

import nestbox.x86.ExtensionInstruction;
import nestbox.x86.insn.Handler;
import nestbox.x86.insn.Insn;
import nestbox.x86.model.Feature;

/** Finds the handler of a system instruction among its families. */
public final class SystemOps {
    private SystemOps() {}

    /** The handler of {@code in}, or null if it is no system instruction. */
    public static Handler bind(Insn in) {
        Feature feature = in.form.feature();
        if (feature == Feature.VMX || feature == Feature.SVM || feature == Feature.SKINIT) {
            return ExtensionInstruction.valueOf(in.form.mnemonic()).handler();
        }
        Handler handler = SegmentOps.bind(in);
        handler = handler != null ? handler : InterruptOps.bind(in);
        handler = handler != null ? handler : ControlOps.bind(in);
        handler = handler != null ? handler : TableOps.bind(in);
        handler = handler != null ? handler : PortOps.bind(in);
        handler = handler != null ? handler : FastCalls.bind(in);
        handler = handler != null ? handler : CetOps.bind(in);
        handler = handler != null ? handler : Waits.bind(in);
        return handler != null ? handler : Hints.bind(in);
    }
}

package nestbox.x86;

import nestbox.x86.insn.Handler;

/** The instructions that VMX and SVM bring, which {@link VirtualizationExtension#execute} executes. */
public enum ExtensionInstruction {
    VMXON,
    VMXOFF,
    VMCLEAR,
    VMPTRLD,
    VMPTRST,
    VMREAD,
    VMWRITE,
    VMLAUNCH,
    VMRESUME,
    VMCALL,
    VMFUNC,
    INVEPT,
    INVVPID,
    VMRUN,
    VMMCALL,
    VMLOAD,
    VMSAVE,
    STGI,
    CLGI,
    INVLPGA,
    SKINIT;

    private final Handler handler = (c, in) -> {
        if (c.extension == null) {
            throw c.raise(Vector.UD);
        }
        c.extension.execute(c, this, in);
    };

    /** Leaves the instruction to the processor's extension; #UD without one. */
    public Handler handler() {
        return handler;
    }
}

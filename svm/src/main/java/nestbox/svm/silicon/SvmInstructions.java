package nestbox.svm.silicon;

import nestbox.core.UnsupportedFeatureException;
import nestbox.svm.vmcb.ExitCode;
import nestbox.svm.vmcb.Vmcb;
import nestbox.svm.world.GuestState;
import nestbox.x86.Cpu;
import nestbox.x86.ExtensionInstruction;
import nestbox.x86.Reg;
import nestbox.x86.Vector;
import nestbox.x86.insn.Insn;
import nestbox.x86.mem.TranslationControl;

/** VMRUN, VMLOAD, VMSAVE, VMMCALL, STGI, CLGI, INVLPGA and SKINIT with their faults and intercepts in order (APM Vol. 3). */
final class SvmInstructions {
    private final Svm svm;
    /** The operand of VMLOAD and VMSAVE. */
    private final Vmcb operand;

    SvmInstructions(Svm svm) {
        this.svm = svm;
        this.operand = new Vmcb(svm.cpu.physical);
    }

    void execute(Cpu c, ExtensionInstruction what, Insn in) {
        if ((c.efer & Cpu.EFER_SVME) == 0) {
            throw c.raise(Vector.UD);
        }
        switch (what) {
            case VMMCALL:
                if (!leaves(c, in, ExitCode.VMMCALL)) {
                    throw c.raise(Vector.UD);
                }
                break;
            case VMRUN:
                privileged(c);
                run(c, in);
                break;
            case VMLOAD:
                privileged(c);
                load(c, in);
                break;
            case VMSAVE:
                privileged(c);
                save(c, in);
                break;
            case STGI:
                privileged(c);
                flag(c, in, ExitCode.STGI, true);
                break;
            case CLGI:
                privileged(c);
                flag(c, in, ExitCode.CLGI, false);
                break;
            case INVLPGA:
                privileged(c);
                invalidate(c, in);
                break;
            default:
                privileged(c);
                if (!leaves(c, in, ExitCode.SKINIT)) {
                    throw new UnsupportedFeatureException("SKINIT", "the guest starts a secure loader");
                }
                break;
        }
    }

    /** #UD outside protected mode, #GP(0) unless CPL is 0. */
    private static void privileged(Cpu c) {
        if (!c.protectedMode() || c.virtual8086()) {
            throw c.raise(Vector.UD);
        }
        if (c.cpl != 0) {
            throw c.raise(Vector.GP, 0);
        }
    }

    private boolean leaves(Cpu c, Insn in, ExitCode code) {
        if (!svm.intercepts(code)) {
            return false;
        }
        svm.worldSwitch.exitInstruction(c, in, code.code(), 0, 0);
        return true;
    }

    private static long accumulator(Cpu c, Insn in) {
        long value = c.r[Reg.RAX];
        return in.addressSize == 64 ? value : in.addressSize == 32 ? value & 0xffffffffL : value & 0xffff;
    }

    /** #GP(0) for an operand that is no page of physical memory; the intercept comes first where the model says so. */
    private boolean addressed(Cpu c, Insn in, ExitCode code) {
        long address = accumulator(c, in);
        boolean bad = (address & 0xfff) != 0 || address >>> c.features.physicalBits() != 0;
        if (!svm.capability.addressCheck() && bad) {
            throw c.raise(Vector.GP, 0);
        }
        if (leaves(c, in, code) || unrecognized(c, in, code)) {
            return false;
        }
        if (bad) {
            throw c.raise(Vector.GP, 0);
        }
        return true;
    }

    /** Virtualized VMLOAD and VMSAVE need nested paging and a hypervisor in 64-bit mode: else they leave like intercepted ones. */
    private boolean unrecognized(Cpu c, Insn in, ExitCode code) {
        boolean enabled = svm.guest && svm.capability.virtualVmload() && svm.controls.virtualVmload;
        if (code == ExitCode.VMRUN || !enabled || (svm.controls.nested && svm.host.longMode())) {
            return false;
        }
        svm.worldSwitch.exitInstruction(c, in, code.code(), 0, 0);
        return true;
    }

    private void run(Cpu c, Insn in) {
        if (!addressed(c, in, ExitCode.VMRUN)) {
            return;
        }
        if (svm.guest) {
            throw new UnsupportedFeatureException(
                    "VMRUN in a guest", "a guest executes VMRUN that its VMCB does not intercept");
        }
        if (svm.guestWaits()) {
            throw new UnsupportedFeatureException("VMRUN in SMM", "a guest is interrupted by system management mode");
        }
        svm.vmcb.attach(accumulator(c, in));
        svm.worldSwitch.run();
    }

    /** The physical address of VMLOAD's or VMSAVE's operand: guest-physical where they are virtualized. */
    private long physical(Cpu c, Insn in, boolean write) {
        long address = accumulator(c, in);
        boolean virtualized = svm.guest && svm.capability.virtualVmload() && svm.controls.virtualVmload;
        return virtualized ? c.mem.port().control().guestPhysical(address, write) : address;
    }

    private void load(Cpu c, Insn in) {
        if (addressed(c, in, ExitCode.VMLOAD)) {
            operand.attach(physical(c, in, false));
            GuestState.loadRest(c, operand);
        }
    }

    private void save(Cpu c, Insn in) {
        if (addressed(c, in, ExitCode.VMSAVE)) {
            operand.attach(physical(c, in, true));
            GuestState.storeRest(c, operand);
            operand.commit();
        }
    }

    private void flag(Cpu c, Insn in, ExitCode code, boolean value) {
        if (leaves(c, in, code)) {
            return;
        }
        if (svm.guest && svm.controls.virtualGifEnabled()) {
            svm.controls.setVirtualGif(value);
            svm.virtualEventsChanged();
        } else {
            svm.setGif(value);
        }
    }

    private void invalidate(Cpu c, Insn in) {
        long linear = accumulator(c, in);
        if (leaves(c, in, ExitCode.INVLPGA)) {
            return;
        }
        TranslationControl control = c.mem.port().control();
        long asid = c.r[Reg.RCX] & 0xffffffffL;
        control.dropAddress(asid, linear);
        if (c.trace.on) {
            c.trace.emit(SvmTrace.INVLPGA, linear, asid);
        }
    }
}

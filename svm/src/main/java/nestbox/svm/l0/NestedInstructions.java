package nestbox.svm.l0;

import nestbox.core.UnsupportedFeatureException;
import nestbox.l0.ledger.Invalidation.Kind;
import nestbox.svm.vmcb.ExitCode;
import nestbox.svm.vmcb.Vmcb;
import nestbox.svm.world.GuestState;
import nestbox.x86.Cpu;
import nestbox.x86.ExtensionInstruction;
import nestbox.x86.Reg;
import nestbox.x86.Vector;
import nestbox.x86.insn.Insn;

/** SVM's instructions as L0 emulates them for L1, and for L2 where L1 does not intercept them (APM Vol. 3). */
final class NestedInstructions {
    private final NestedSvm svm;
    private final Cpu cpu;
    private final Vmcb operand;

    NestedInstructions(NestedSvm svm) {
        this.svm = svm;
        cpu = svm.cpu;
        operand = new Vmcb(cpu.physical);
    }

    void execute(ExtensionInstruction what, Insn in) {
        if ((cpu.efer & Cpu.EFER_SVME) == 0 || !cpu.protectedMode() || cpu.virtual8086()) {
            throw cpu.raise(Vector.UD);
        }
        if (what != ExtensionInstruction.VMMCALL && cpu.cpl != 0) {
            throw cpu.raise(Vector.GP, 0);
        }
        if (svm.guestMode() && leaves(what, in)) {
            return;
        }
        switch (what) {
            case VMRUN -> svm.vmrun.run(address(in));
            case VMLOAD -> {
                operand.attach(physical(in, false));
                GuestState.loadRest(cpu, operand);
                cpu.mem.port().contextChanged();
            }
            case VMSAVE -> {
                operand.attach(physical(in, true));
                GuestState.storeRest(cpu, operand);
                operand.commit();
            }
            case STGI -> changeGif(true);
            case CLGI -> changeGif(false);
            // As KVM does, whatever the ASID: all of L2's translations go at the next VMRUN anyway.
            case INVLPGA -> {
                long asid = cpu.r[Reg.RCX] & 0xffffffffL;
                svm.vcpu.judging().ofGuests(Kind.INVLPGA, asid, accumulator(in));
                cpu.mem.port().control().invalidatePage(accumulator(in));
            }
            case VMMCALL -> throw cpu.raise(Vector.UD);
            default -> throw new UnsupportedFeatureException("nested SVM", in.form.mnemonic() + " of L1");
        }
    }

    /** L1 intercepts it. */
    private boolean leaves(ExtensionInstruction what, Insn in) {
        ExitCode code = ExitCode.valueOf(what.name());
        boolean loads = code == ExitCode.VMLOAD || code == ExitCode.VMSAVE;
        boolean leaves = svm.vmcb12.intercepts(code) || loads && svm.vmloadLeaves();
        if (leaves) {
            svm.exit.instruction(in, code.code(), 0, 0);
        }
        return leaves;
    }

    private void changeGif(boolean value) {
        if (svm.guestMode() && svm.vmcb12.virtualGif()) {
            svm.backend.setVirtualGif(value);
        } else {
            svm.setGif(value);
        }
    }

    private long accumulator(Insn in) {
        long value = cpu.r[Reg.RAX];
        return in.addressSize == 64 ? value : in.addressSize == 32 ? value & 0xffffffffL : value & 0xffff;
    }

    /** Where VMLOAD or VMSAVE works: L2's physical memory if it is virtualized, else L1's. */
    private long physical(Insn in, boolean write) {
        long address = address(in);
        boolean ofL2 = svm.guestMode() && svm.vmloadRuns();
        return ofL2 ? cpu.mem.port().control().guestPhysical(address, write) : address;
    }

    private long address(Insn in) {
        long address = accumulator(in);
        if ((address & 0xfff) != 0 || address >>> cpu.features.physicalBits() != 0) {
            throw cpu.raise(Vector.GP, 0);
        }
        return address;
    }
}

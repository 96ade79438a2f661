package nestbox.vmx.silicon;

import nestbox.vmx.capability.VmxCapability;
import nestbox.vmx.capability.VmxFeature;
import nestbox.vmx.vmcs.ExitReason;
import nestbox.vmx.vmcs.InstructionError;
import nestbox.vmx.vmcs.Vmcs;
import nestbox.vmx.vmcs.VmcsLayout;
import nestbox.x86.Cpu;
import nestbox.x86.ExtensionInstruction;
import nestbox.x86.Flags;
import nestbox.x86.Vector;
import nestbox.x86.insn.Insn;
import nestbox.x86.op.Operands;

/** VMX instructions, each with its faults and failures in the order of SDM Vol. 3, chapter "VMX Instruction Reference". */
final class VmxInstructions {
    private static final int FEATURE_CONTROL = 0x3a;
    /** Locked, and VMXON enabled outside SMX operation. */
    private static final long ENABLED = 5;

    private final Vmx vmx;
    private final Cpu cpu;
    private final FieldAccess fields;
    private final Invalidations invalidations;

    VmxInstructions(Vmx vmx) {
        this.vmx = vmx;
        cpu = vmx.cpu;
        fields = new FieldAccess(vmx, this);
        invalidations = new Invalidations(vmx, this);
    }

    void execute(ExtensionInstruction what, Insn in) {
        switch (what) {
            case VMREAD -> fields.read(in);
            case VMWRITE -> fields.write(in);
            case VMRESUME -> enter(in, false);
            case VMLAUNCH -> enter(in, true);
            case VMCALL -> vmcall(in);
            case VMXON -> vmxon(in);
            case VMXOFF -> vmxoff(in);
            case VMPTRLD -> vmptrld(in);
            case VMPTRST -> vmptrst(in);
            case VMCLEAR -> vmclear(in);
            case INVEPT -> invalidations.invept(in);
            case INVVPID -> invalidations.invvpid(in);
            case VMFUNC -> vmx.functions.execute(in);
            default -> throw cpu.raise(Vector.UD);
        }
    }

    /** The faults that come first, and the exit; true if the instruction is done with. */
    boolean refused(Insn in, ExitReason reason) {
        if (!vmx.on) {
            throw cpu.raise(Vector.UD);
        }
        checkMode();
        if (vmx.guest) {
            vmx.exit.instruction(
                    in, reason, InstructionInformation.displacement(cpu, in), InstructionInformation.of(in));
            return true;
        }
        if (cpu.cpl != 0) {
            throw cpu.raise(Vector.GP, 0);
        }
        return false;
    }

    void checkMode() {
        boolean compatibility = cpu.longMode() && !cpu.mode64();
        if (!cpu.protectedMode() || cpu.virtual8086() || compatibility) {
            throw cpu.raise(Vector.UD);
        }
    }

    void succeed() {
        Flags.setArithmetic(cpu, 0);
    }

    void failInvalid() {
        Flags.setArithmetic(cpu, Flags.CF);
    }

    /** VMfail: with an error number if there is a current VMCS. */
    void fail(InstructionError error) {
        fail(error.number());
    }

    void fail(int error) {
        if (vmx.vmcs == null) {
            failInvalid();
        } else {
            Flags.setArithmetic(cpu, Flags.ZF);
            vmx.vmcs.set(nestbox.vmx.vmcs.VmcsField.VM_INSTRUCTION_ERROR, error);
        }
    }

    private long pointer(Insn in) {
        return cpu.mem.load64(Operands.linear(cpu, in, 8, false), Operands.faultSegment(in));
    }

    private boolean badAddress(long address) {
        return (address & 0xfff) != 0 || address >>> cpu.features.physicalBits() != 0;
    }

    private void vmxon(Insn in) {
        if ((cpu.cr4 & Cpu.CR4_VMXE) == 0) {
            throw cpu.raise(Vector.UD);
        }
        checkMode();
        if (vmx.on) {
            if (!refused(in, ExitReason.VMON)) {
                fail(InstructionError.VMXON_IN_ROOT);
            }
            return;
        }
        boolean locked = (cpu.msrs.stored(FEATURE_CONTROL) & ENABLED) == ENABLED;
        boolean a20 = cpu.mem.port().control().a20();
        if (cpu.cpl != 0 || !a20 || !vmx.fixed.holdsInRoot(cpu.cr0, cpu.cr4) || !locked) {
            throw cpu.raise(Vector.GP, 0);
        }
        long address = pointer(in);
        if (badAddress(address) || (int) cpu.physical.read(address, 4) != VmxCapability.REVISION) {
            failInvalid();
            return;
        }
        vmx.turnOn(address);
        succeed();
    }

    private void vmxoff(Insn in) {
        if (refused(in, ExitReason.VMOFF)) {
            return;
        }
        vmx.turnOff();
        succeed();
    }

    private void vmclear(Insn in) {
        if (refused(in, ExitReason.VMCLEAR)) {
            return;
        }
        long address = pointer(in);
        if (badAddress(address)) {
            fail(InstructionError.VMCLEAR_ADDRESS);
        } else if (address == vmx.vmxonPointer) {
            fail(InstructionError.VMCLEAR_VMXON_POINTER);
        } else {
            vmx.release(address);
            cpu.physical.write(address + VmcsLayout.LAUNCH_STATE, 4, Vmcs.CLEAR);
            succeed();
        }
    }

    private void vmptrld(Insn in) {
        if (refused(in, ExitReason.VMPTRLD)) {
            return;
        }
        long address = pointer(in);
        if (badAddress(address)) {
            fail(InstructionError.VMPTRLD_ADDRESS);
            return;
        }
        if (address == vmx.vmxonPointer) {
            fail(InstructionError.VMPTRLD_VMXON_POINTER);
            return;
        }
        int first = (int) cpu.physical.read(address, 4);
        boolean shadow = (first & VmcsLayout.SHADOW_INDICATOR) != 0;
        if ((first & ~VmcsLayout.SHADOW_INDICATOR) != VmxCapability.REVISION
                || shadow && !vmx.model.has(VmxFeature.VMCS_SHADOWING)) {
            fail(InstructionError.VMPTRLD_REVISION);
            return;
        }
        vmx.makeCurrent(address);
        succeed();
    }

    private void vmptrst(Insn in) {
        if (refused(in, ExitReason.VMPTRST)) {
            return;
        }
        long value = vmx.vmcs == null ? Vmx.NONE : vmx.vmcs.address();
        cpu.mem.store64(Operands.linear(cpu, in, 8, true), Operands.faultSegment(in), value);
        succeed();
    }

    private void vmcall(Insn in) {
        if (!vmx.on) {
            throw cpu.raise(Vector.UD);
        }
        if (vmx.guest) {
            vmx.exit.instruction(in, ExitReason.VMCALL, 0, 0);
            return;
        }
        checkMode();
        if (cpu.cpl != 0) {
            throw cpu.raise(Vector.GP, 0);
        }
        fail(InstructionError.VMCALL_IN_ROOT);
    }

    private void enter(Insn in, boolean launch) {
        if (!refused(in, launch ? ExitReason.VMLAUNCH : ExitReason.VMRESUME)) {
            vmx.entry.enter(launch);
        }
    }

    /** The value of the register operand that names a type or a field. */
    long register(Insn in) {
        return in.codeSize == 64 ? cpu.r[in.reg] : cpu.r[in.reg] & 0xffffffffL;
    }
}

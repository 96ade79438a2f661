package nestbox.vmx.silicon;

import nestbox.vmx.capability.VmxFeature;
import nestbox.vmx.vmcs.ExitReason;
import nestbox.vmx.vmcs.InstructionError;
import nestbox.x86.Cpu;
import nestbox.x86.Vector;
import nestbox.x86.insn.Insn;
import nestbox.x86.op.Operands;

/** INVEPT and INVVPID (SDM Vol. 3, "VMX Instruction Reference"; "Operations that Invalidate Cached Mappings"). */
final class Invalidations {
    private static final int ADDRESS = 0;
    private static final int SINGLE = 1;
    private static final int ALL = 2;
    private static final int SINGLE_RETAINING_GLOBALS = 3;

    private final Vmx vmx;
    private final Cpu cpu;
    private final VmxInstructions instructions;

    Invalidations(Vmx vmx, VmxInstructions instructions) {
        this.vmx = vmx;
        this.instructions = instructions;
        cpu = vmx.cpu;
    }

    void invept(Insn in) {
        if (!vmx.model.has(VmxFeature.INVEPT)) {
            throw cpu.raise(Vector.UD);
        }
        if (instructions.refused(in, ExitReason.INVEPT)) {
            return;
        }
        long type = instructions.register(in);
        boolean supported = type == SINGLE && vmx.model.has(VmxFeature.INVEPT_SINGLE)
                || type == ALL && vmx.model.has(VmxFeature.INVEPT_ALL);
        if (!supported) {
            instructions.fail(InstructionError.INVALIDATION_OPERAND);
            return;
        }
        long eptp = descriptor(in, 0);
        descriptor(in, 8);
        if (type == SINGLE && !vmx.ept.valid(eptp)) {
            instructions.fail(InstructionError.INVALIDATION_OPERAND);
            return;
        }
        VmxTrace.invept(cpu, type, type == ALL ? 0 : eptp);
        if (type == ALL) {
            vmx.spaces.dropAllTables();
        } else {
            vmx.spaces.dropTables(eptp);
        }
        instructions.succeed();
    }

    private long descriptor(Insn in, int offset) {
        long at = Operands.linear(cpu, in, 16, false) + offset;
        return cpu.mem.load64(in.codeSize == 64 ? at : at & 0xffffffffL, Operands.faultSegment(in));
    }

    private boolean supported(long type) {
        if (type >>> 2 != 0) {
            return false;
        }
        return vmx.model.has(
                switch ((int) type) {
                    case ADDRESS -> VmxFeature.INVVPID_ADDRESS;
                    case SINGLE -> VmxFeature.INVVPID_SINGLE;
                    case ALL -> VmxFeature.INVVPID_ALL;
                    default -> VmxFeature.INVVPID_SINGLE_RETAINING_GLOBALS;
                });
    }

    void invvpid(Insn in) {
        if (!vmx.model.has(VmxFeature.INVVPID)) {
            throw cpu.raise(Vector.UD);
        }
        if (instructions.refused(in, ExitReason.INVVPID)) {
            return;
        }
        long type = instructions.register(in);
        if (!supported(type)) {
            instructions.fail(InstructionError.INVALIDATION_OPERAND);
            return;
        }
        long first = descriptor(in, 0);
        long linear = descriptor(in, 8);
        int vpid = (int) first & 0xffff;
        boolean bad = first >>> 16 != 0 || type != ALL && vpid == 0 || type == ADDRESS && !cpu.canonicalBase(linear);
        if (bad) {
            instructions.fail(InstructionError.INVALIDATION_OPERAND);
            return;
        }
        VmxTrace.invvpid(cpu, type, type == ALL ? 0 : vpid, type == ADDRESS ? linear : 0);
        switch ((int) type) {
            case ADDRESS -> vmx.spaces.dropAddress(vpid, linear);
            case SINGLE, SINGLE_RETAINING_GLOBALS -> vmx.spaces.dropVpid(vpid, type == SINGLE);
            default -> vmx.spaces.dropVpids();
        }
        instructions.succeed();
    }
}

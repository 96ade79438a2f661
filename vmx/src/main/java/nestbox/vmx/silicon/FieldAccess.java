package nestbox.vmx.silicon;

import nestbox.vmx.capability.VmxFeature;
import nestbox.vmx.vmcs.ExitReason;
import nestbox.vmx.vmcs.InstructionError;
import nestbox.vmx.vmcs.VmcsField;
import nestbox.vmx.vmcs.VmcsLayout;
import nestbox.vmx.vmcs.VmcsTrace;
import nestbox.x86.Cpu;
import nestbox.x86.Vector;
import nestbox.x86.insn.Insn;
import nestbox.x86.op.Operands;

/** VMREAD and VMWRITE, with VMCS shadowing (SDM Vol. 3, "VMREAD", "VMWRITE"; "VMCS-Shadowing Bitmap Addresses"). */
final class FieldAccess {
    private static final long LOW15 = 0x7fff;

    private final Vmx vmx;
    private final Cpu cpu;
    private final VmxInstructions instructions;

    FieldAccess(Vmx vmx, VmxInstructions instructions) {
        this.vmx = vmx;
        this.instructions = instructions;
        cpu = vmx.cpu;
    }

    /** Whether the guest's access goes to the shadow VMCS instead of causing an exit. */
    private boolean shadowed(long encoding, VmcsField bitmap) {
        if (!vmx.guest || !vmx.controls.secondary(Controls.SHADOWING) || (encoding & ~LOW15) != 0) {
            return false;
        }
        long at = vmx.vmcs.get(bitmap) + (encoding >>> 3);
        return (cpu.physical.read(at, 1) >>> (encoding & 7) & 1) == 0;
    }

    private boolean refused(Insn in, ExitReason reason, boolean shadow) {
        if (!shadow) {
            return instructions.refused(in, reason);
        }
        instructions.checkMode();
        if (cpu.cpl != 0) {
            throw cpu.raise(Vector.GP, 0);
        }
        return false;
    }

    private int bits(Insn in) {
        return in.codeSize == 64 ? 64 : 32;
    }

    void read(Insn in) {
        long encoding = instructions.register(in);
        boolean shadow = vmx.guest && shadowed(encoding, VmcsField.VMREAD_BITMAP);
        if (refused(in, ExitReason.VMREAD, shadow)) {
            return;
        }
        if (shadow ? link() == Vmx.NONE : vmx.vmcs == null) {
            instructions.failInvalid();
            return;
        }
        VmcsField field = VmcsField.byEncoding(encoding);
        if (field == null || !vmx.model.has(field)) {
            instructions.fail(InstructionError.UNSUPPORTED_COMPONENT);
            return;
        }
        long value = shadow ? readShadow(field) : vmx.vmcs.get(field);
        if ((encoding & 1) != 0) {
            value >>>= 32;
        }
        Operands.setRm(cpu, in, bits(in), value);
        VmcsTrace.read(cpu.trace, encoding, value, shadow);
        instructions.succeed();
    }

    void write(Insn in) {
        long encoding = instructions.register(in);
        boolean shadow = vmx.guest && shadowed(encoding, VmcsField.VMWRITE_BITMAP);
        if (refused(in, ExitReason.VMWRITE, shadow)) {
            return;
        }
        if (shadow ? link() == Vmx.NONE : vmx.vmcs == null) {
            instructions.failInvalid();
            return;
        }
        long value = Operands.rm(cpu, in, bits(in));
        VmcsField field = VmcsField.byEncoding(encoding);
        if (field == null || !vmx.model.has(field)) {
            instructions.fail(InstructionError.UNSUPPORTED_COMPONENT);
            return;
        }
        if (field.group() == VmcsField.Group.READ_ONLY && !vmx.model.has(VmxFeature.VMWRITE_EXIT_FIELDS)) {
            instructions.fail(InstructionError.READ_ONLY_COMPONENT);
            return;
        }
        VmcsTrace.write(cpu.trace, encoding, value, shadow);
        long old = shadow ? readShadow(field) : vmx.vmcs.get(field);
        if ((encoding & 1) != 0) {
            value = old & 0xffffffffL | value << 32;
        }
        if (shadow) {
            long at = link() + VmcsLayout.offset(field);
            cpu.physical.write(at, field.width().bytes(), value & field.mask());
            vmx.active.written(link(), field, value);
        } else {
            vmx.vmcs.set(field, value);
        }
        instructions.succeed();
    }

    private long link() {
        return vmx.vmcs.get(VmcsField.VMCS_LINK_POINTER);
    }

    private long readShadow(VmcsField field) {
        return cpu.physical.read(
                        link() + VmcsLayout.offset(field), field.width().bytes())
                & field.mask();
    }
}

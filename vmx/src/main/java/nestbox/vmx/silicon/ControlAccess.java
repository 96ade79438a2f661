package nestbox.vmx.silicon;

import nestbox.vmx.vmcs.ExitReason;
import nestbox.vmx.vmcs.VmcsField;
import nestbox.x86.Cpu;
import nestbox.x86.Vector;
import nestbox.x86.insn.Insn;
import nestbox.x86.op.Operands;

/** Accesses to control and debug registers (SDM Vol. 3, "Instructions that Cause VM Exits Conditionally"). */
final class ControlAccess {
    private static final long LMSW_BITS = Cpu.CR0_MP | Cpu.CR0_EM | Cpu.CR0_TS;

    private static final int FROM = 1;
    private static final int CLTS = 2;
    private static final int LMSW = 3;

    private static final VmcsField[] TARGETS = {
        VmcsField.CR3_TARGET_VALUE0,
        VmcsField.CR3_TARGET_VALUE1,
        VmcsField.CR3_TARGET_VALUE2,
        VmcsField.CR3_TARGET_VALUE3
    };

    private final Vmx vmx;
    private final Cpu cpu;

    ControlAccess(Vmx vmx) {
        this.vmx = vmx;
        cpu = vmx.cpu;
    }

    private boolean exit(Insn in, int number, int type, long more) {
        vmx.exit.instruction(in, ExitReason.CR_ACCESS, number | type << 4 | more, 0);
        return true;
    }

    boolean read(Insn in, int number) {
        boolean wanted = number == 3 && vmx.controls.primary(Controls.CR3_STORE)
                || number == 8 && vmx.controls.primary(Controls.CR8_STORE);
        return wanted && exit(in, number, FROM, (long) in.rm << 8);
    }

    boolean write(Insn in, int number, long value) {
        Controls c = vmx.controls;
        boolean wanted = switch (number) {
            case 0 -> ((value ^ c.cr0Shadow) & c.cr0Mask) != 0;
            case 3 -> c.primary(Controls.CR3_LOAD) && !target(value);
            case 4 -> ((value ^ c.cr4Shadow) & c.cr4Mask) != 0;
            case 8 -> c.primary(Controls.CR8_LOAD);
            default -> false;
        };
        if (wanted) {
            return exit(in, number, 0, (long) in.rm << 8);
        }
        if (number == 8 && c.primary(Controls.TPR_SHADOW)) {
            taskPriority(value);
            return true;
        }
        return false;
    }

    /** MOV to CR8 with "use TPR shadow" (SDM Vol. 3, "Virtualizing CR8-Based TPR Accesses", "TPR Virtualization"). */
    private void taskPriority(long value) {
        if (value >>> 4 != 0) {
            throw cpu.raise(Vector.GP, 0);
        }
        vmx.virtualApic.store(VirtualApic.TPR, 4, value << 4);
        vmx.virtualApic.virtualizeTpr();
    }

    /** MOV from CR8 with "use TPR shadow". */
    long taskPriority() {
        return vmx.virtualApic.load(VirtualApic.TPR, 4) >>> 4 & 15;
    }

    private boolean target(long value) {
        int count = (int) vmx.vmcs.get(VmcsField.CR3_TARGET_COUNT);
        for (int i = 0; i < count; i++) {
            if (vmx.vmcs.get(TARGETS[i]) == value) {
                return true;
            }
        }
        return false;
    }

    boolean clts(Insn in) {
        return (vmx.controls.cr0Mask & vmx.controls.cr0Shadow & Cpu.CR0_TS) != 0 && exit(in, 0, CLTS, 0);
    }

    /** PE can only be set; MP, EM and TS compare with the shadow. */
    boolean lmsw(Insn in, long source) {
        Controls c = vmx.controls;
        boolean low = ((source ^ c.cr0Shadow) & c.cr0Mask & LMSW_BITS) != 0;
        boolean enable = (source & c.cr0Mask & ~c.cr0Shadow & Cpu.CR0_PE) != 0;
        if (!low && !enable) {
            return false;
        }
        if (in.memory) {
            vmx.vmcs.set(VmcsField.GUEST_LINEAR_ADDRESS, cpu.base[in.seg] + Operands.offset(cpu, in));
        }
        return exit(in, 0, LMSW, (in.memory ? 1 << 6 : 0) | (source & 0xffff) << 16);
    }

    boolean debug(Insn in, boolean read) {
        if (!vmx.controls.primary(Controls.MOV_DR)) {
            return false;
        }
        long qualification = in.reg | (read ? 1 << 4 : 0) | (long) in.rm << 8;
        vmx.exit.instruction(in, ExitReason.DR_ACCESS, qualification, 0);
        return true;
    }
}

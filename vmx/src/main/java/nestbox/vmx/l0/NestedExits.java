package nestbox.vmx.l0;

import nestbox.l0.Exit;
import nestbox.vmx.capability.VmxFeature;
import nestbox.vmx.vmcs.ExitReason;
import nestbox.vmx.vmcs.InterruptionType;
import nestbox.vmx.vmcs.VmcsField;
import nestbox.x86.Cpu;
import nestbox.x86.Intercept;
import nestbox.x86.Reg;
import nestbox.x86.Vector;
import nestbox.x86.insn.Insn;

/** Whose an exit from L2 is, L0's or L1's (facts D.5). */
final class NestedExits {
    private static final VmcsField[] TARGETS = {
        VmcsField.CR3_TARGET_VALUE0,
        VmcsField.CR3_TARGET_VALUE1,
        VmcsField.CR3_TARGET_VALUE2,
        VmcsField.CR3_TARGET_VALUE3
    };
    private static final int CLTS = 2;
    private static final int LMSW = 3;
    private static final long LMSW_BITS = 0xe;
    private static final int LOW_MSRS = 0x2000;
    private static final int HIGH_MSRS = 0xc000_0000;
    private static final int PORTS_OF_A = 0x8000;
    /** Bits 31:28 of the information on VMREAD and VMWRITE. */
    private static final int FIELD_REGISTER = 28;

    private final NestedVmx vmx;
    private final Cpu cpu;
    private final Controls12 c;

    NestedExits(NestedVmx vmx) {
        this.vmx = vmx;
        cpu = vmx.cpu;
        c = vmx.controls;
    }

    boolean toL1(ExitReason reason, Exit exit) {
        return switch (reason) {
            case EXCEPTION_NMI -> exception(exit);
            case EXTERNAL_INTERRUPT, EPT_VIOLATION, EPT_MISCONFIG, PREEMPTION_TIMER, PML_FULL, MCE_DURING_VMENTRY ->
                false;
            case INTERRUPT_WINDOW -> c.primary(VmxFeature.INTERRUPT_WINDOW_EXITING);
            case NMI_WINDOW -> c.primary(VmxFeature.NMI_WINDOW_EXITING);
            case HLT -> c.primary(VmxFeature.HLT_EXITING);
            case INVLPG -> c.primary(VmxFeature.INVLPG_EXITING);
            case RDPMC -> c.primary(VmxFeature.RDPMC_EXITING);
            case RDTSC, RDTSCP -> c.primary(VmxFeature.RDTSC_EXITING);
            case MWAIT_INSTRUCTION -> c.primary(VmxFeature.MWAIT_EXITING);
            case MONITOR_INSTRUCTION -> c.primary(VmxFeature.MONITOR_EXITING);
            case PAUSE_INSTRUCTION -> c.primary(VmxFeature.PAUSE_EXITING);
            case DR_ACCESS -> c.primary(VmxFeature.MOV_DR_EXITING);
            case WBINVD -> c.secondary(VmxFeature.WBINVD_EXITING);
            case RDRAND -> c.secondary(VmxFeature.RDRAND_EXITING);
            case RDSEED -> c.secondary(VmxFeature.RDSEED_EXITING);
            case GDTR_IDTR, LDTR_TR -> c.secondary(VmxFeature.DESCRIPTOR_TABLE_EXITING);
            case INVPCID -> c.secondary(VmxFeature.ENABLE_INVPCID) && c.primary(VmxFeature.INVLPG_EXITING);
            case CR_ACCESS -> control(exit.info1);
            case IO_INSTRUCTION -> ports((int) (exit.info1 >>> 16) & 0xffff, (int) (exit.info1 & 7) + 1);
            case MSR_READ -> msr(false);
            case MSR_WRITE -> msr(true);
            case TPR_BELOW_THRESHOLD -> c.primary(VmxFeature.TPR_SHADOW);
            case VMREAD -> field(VmcsField.VMREAD_BITMAP);
            case VMWRITE -> field(VmcsField.VMWRITE_BITMAP);
            case VMFUNC -> !vmx.functions.possible();
            default -> true;
        };
    }

    /**
     * An instruction of L2 that L0 emulates is about to take effect: true if L1 intercepts it, and the exit was made. Hardware has
     * reported these already; what is left are those that L2's code did not hold yet when hardware fetched it.
     */
    boolean emulated(Intercept what, Insn in, long operand, long linear) {
        ExitReason reason = intercepted(what, operand);
        if (reason == null) {
            return false;
        }
        long qualification = 0;
        if (what == Intercept.IO) {
            boolean immediate = in.opcode >= 0xe4 && in.opcode <= 0xe7;
            // Direction, string and REP stand in bits 24 to 26 there.
            qualification = (operand >>> 16 & 0xff) - 1
                    | (operand >>> 24 & 7) << 3
                    | (immediate ? 1 << 6 : 0)
                    | (operand & 0xffff) << 16;
            vmx.vmcs12.set(VmcsField.GUEST_LINEAR_ADDRESS, linear);
        }
        vmx.exit.instruction(in, reason, qualification);
        return true;
    }

    private ExitReason intercepted(Intercept what, long operand) {
        boolean wanted = switch (what) {
            case CPUID, INVD -> true;
            case IO -> ports((int) operand & 0xffff, (int) (operand >>> 16) & 0xff);
            case HLT -> c.primary(VmxFeature.HLT_EXITING);
            case RDTSC, RDTSCP -> c.primary(VmxFeature.RDTSC_EXITING);
            case RDPMC -> c.primary(VmxFeature.RDPMC_EXITING);
            case PAUSE -> c.primary(VmxFeature.PAUSE_EXITING);
            case WBINVD -> c.secondary(VmxFeature.WBINVD_EXITING);
            case GDTR_IDTR, LDTR_TR -> c.secondary(VmxFeature.DESCRIPTOR_TABLE_EXITING);
            default -> false;
        };
        if (!wanted) {
            return null;
        }
        return switch (what) {
            case CPUID -> ExitReason.CPUID;
            case INVD -> ExitReason.INVD;
            case IO -> ExitReason.IO_INSTRUCTION;
            case HLT -> ExitReason.HLT;
            case RDTSC -> ExitReason.RDTSC;
            case RDTSCP -> ExitReason.RDTSCP;
            case RDPMC -> ExitReason.RDPMC;
            case PAUSE -> ExitReason.PAUSE_INSTRUCTION;
            case WBINVD -> ExitReason.WBINVD;
            default -> throw vmx.vcpu.giveUp("KVM_EXIT_INTERNAL_ERROR: KVM_INTERNAL_ERROR_EMULATION, " + what);
        };
    }

    private boolean exception(Exit exit) {
        if (InterruptionType.type(exit.info2) == InterruptionType.NMI && exit.kind == nestbox.l0.ExitKind.HOST_NMI) {
            return false;
        }
        if (exit.vector == Vector.PF && !vmx.backend.ept()) {
            return false;
        }
        return wantsException(exit.vector, exit.errorCode);
    }

    boolean wantsException(int vector, long errorCode) {
        boolean bit = (c.exceptions >>> vector & 1) != 0;
        if (vector != Vector.PF) {
            return bit;
        }
        long mask = vmx.vmcs12.get(VmcsField.PAGE_FAULT_ERROR_CODE_MASK);
        long match = vmx.vmcs12.get(VmcsField.PAGE_FAULT_ERROR_CODE_MATCH);
        return (errorCode & mask) == match == bit;
    }

    private boolean control(long qualification) {
        int number = (int) qualification & 15;
        int type = (int) (qualification >>> 4) & 3;
        long value = value((int) (qualification >>> 8) & 15);
        switch (type) {
            case 0:
                return write(number, value);
            case 1:
                return number == 3 && c.primary(VmxFeature.CR3_STORE_EXITING)
                        || number == 8 && c.primary(VmxFeature.CR8_STORE_EXITING);
            case CLTS:
                return (c.cr0Mask & c.cr0Shadow & Cpu.CR0_TS) != 0;
            default:
                return lmsw(qualification >>> 16 & 0xffff);
        }
    }

    private long value(int register) {
        if (register == Reg.RSP) {
            vmx.vcpu.need(nestbox.l0.StateGroup.BASIC);
        }
        return cpu.r[register];
    }

    private boolean write(int number, long value) {
        return switch (number) {
            case 0 -> ((value ^ c.cr0Shadow) & c.cr0Mask) != 0;
            case 3 -> c.primary(VmxFeature.CR3_LOAD_EXITING) && !target(value);
            case 4 -> ((value ^ c.cr4Shadow) & c.cr4Mask) != 0;
            case 8 -> c.primary(VmxFeature.CR8_LOAD_EXITING);
            default -> true;
        };
    }

    private boolean target(long value) {
        int count = (int) vmx.vmcs12.get(VmcsField.CR3_TARGET_COUNT);
        for (int i = 0; i < count && i < TARGETS.length; i++) {
            if (vmx.vmcs12.get(TARGETS[i]) == value) {
                return true;
            }
        }
        return false;
    }

    private boolean lmsw(long source) {
        boolean low = ((source ^ c.cr0Shadow) & c.cr0Mask & LMSW_BITS) != 0;
        return low || (source & c.cr0Mask & ~c.cr0Shadow & Cpu.CR0_PE) != 0;
    }

    private boolean ports(int port, int bytes) {
        if (!c.primary(VmxFeature.IO_BITMAPS)) {
            return c.primary(VmxFeature.UNCONDITIONAL_IO_EXITING);
        }
        for (int i = 0; i < bytes; i++) {
            int p = port + i;
            if (p > 0xffff) {
                return true;
            }
            long map = vmx.vmcs12.get(p < PORTS_OF_A ? VmcsField.IO_BITMAP_A : VmcsField.IO_BITMAP_B);
            if (bit(map, p & PORTS_OF_A - 1)) {
                return true;
            }
        }
        return false;
    }

    private boolean msr(boolean write) {
        if (!c.primary(VmxFeature.MSR_BITMAPS)) {
            return true;
        }
        int index = (int) cpu.r[Reg.RCX];
        boolean low = Integer.compareUnsigned(index, LOW_MSRS) < 0;
        boolean high = Integer.compareUnsigned(index - HIGH_MSRS, LOW_MSRS) < 0;
        if (!low && !high) {
            return true;
        }
        long map = vmx.vmcs12.get(VmcsField.MSR_BITMAP) + (high ? 1024 : 0) + (write ? 2048 : 0);
        return bit(map, index & LOW_MSRS - 1);
    }

    /** Whether an access of L2 to a VMCS field is not shadowed by L1. */
    private boolean field(VmcsField bitmap) {
        if (!c.secondary(VmxFeature.VMCS_SHADOWING)) {
            return true;
        }
        long information = vmx.backend.door().read(VmcsField.VMX_INSTRUCTION_INFO);
        long encoding = value((int) (information >>> FIELD_REGISTER) & 15);
        vmx.vcpu.need(nestbox.l0.StateGroup.CODE);
        if (!cpu.mode64()) {
            encoding &= 0xffffffffL;
        }
        return encoding >>> 15 != 0 || bit(vmx.vmcs12.get(bitmap), (int) encoding);
    }

    private boolean bit(long map, int number) {
        return (cpu.physical.read(map + (number >>> 3), 1) >>> (number & 7) & 1) != 0;
    }
}

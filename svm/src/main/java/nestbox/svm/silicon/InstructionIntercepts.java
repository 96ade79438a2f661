package nestbox.svm.silicon;

import nestbox.svm.vmcb.ExitCode;
import nestbox.svm.world.PermissionMaps;
import nestbox.x86.Cpu;
import nestbox.x86.Flags;
import nestbox.x86.Intercept;
import nestbox.x86.Vector;
import nestbox.x86.insn.Insn;

/**
 * Which instructions leave the guest, and what EXITINFO1 and EXITINFO2 say of them (APM Vol. 2, "Instruction Intercepts", "Decode
 * Assists").
 */
final class InstructionIntercepts {
    private static final long MOV_CR = 1L << 63;
    private static final long NOT_SELECTIVE = Cpu.CR0_TS | Cpu.CR0_MP;

    private static final int IN_BIT = 1 << 24;
    private static final int STRING_BIT = 1 << 25;
    private static final int REP_BIT = 1 << 26;

    private static final long TASK_IRET = 1L << 36;
    private static final long TASK_JMP = 1L << 38;
    private static final long TASK_ERROR_CODE = 1L << 44;
    private static final long TASK_RF = 1L << 48;
    private static final int SOURCE_IRET = 1;
    private static final int SOURCE_JMP = 2;
    private static final int SOURCE_GATE = 3;

    private final Svm svm;

    InstructionIntercepts(Svm svm) {
        this.svm = svm;
    }

    private boolean leave(Cpu c, Insn in, int code, long info1, long info2) {
        if (!svm.controls.intercepts(code)) {
            return false;
        }
        svm.worldSwitch.exitInstruction(c, in, code, info1, info2);
        return true;
    }

    private boolean leave(Cpu c, Insn in, ExitCode code) {
        return leave(c, in, (int) code.code(), 0, 0);
    }

    private long assist(long info) {
        return svm.capability.decodeAssists() ? info : 0;
    }

    boolean intercept(Cpu c, Intercept what, Insn in, long operand, long value) {
        switch (what) {
            case CR_READ:
                return leave(c, in, (int) (ExitCode.CR_READ.code() + operand), assist(MOV_CR | in.rm), 0);
            case CR_WRITE:
                return controlWrite(c, in, (int) operand, value);
            case CLTS:
                return leave(c, in, (int) ExitCode.CR_WRITE.code(), 0, 0);
            case LMSW:
                // The selective intercept takes LMSW whatever it writes.
                return leave(c, in, ExitCode.CR_WRITE) || leave(c, in, ExitCode.CR0_SEL_WRITE);
            case SMSW:
                return leave(c, in, ExitCode.CR_READ);
            case DR_READ:
                return leave(c, in, (int) ExitCode.DR_READ.code() + in.reg, assist(in.rm), 0);
            case DR_WRITE:
                return leave(c, in, (int) ExitCode.DR_WRITE.code() + in.reg, assist(in.rm), 0);
            case RDMSR:
                return msr(c, in, (int) operand, false);
            case WRMSR:
                return msr(c, in, (int) operand, true);
            case IO:
                return port(c, in, (int) operand);
            case PAUSE:
                return pause(c, in);
            case INVLPG:
                return leave(c, in, (int) ExitCode.INVLPG.code(), assist(operand), 0);
            case TLB_BROADCAST:
                if (!svm.capability.tlbControl() || !svm.controls.broadcast) {
                    throw c.raise(Vector.UD);
                }
                return false;
            case MONITOR:
                return leave(c, in, ExitCode.MONITOR);
            case MWAIT:
                return mwait(c, in);
            case GDTR_IDTR:
            case LDTR_TR:
                return leave(c, in, descriptorTable(in.form.mnemonic()));
            default:
                ExitCode code = plain(what);
                return code != null && leave(c, in, code);
        }
    }

    /** Instructions whose exit says nothing beyond its code. */
    private static ExitCode plain(Intercept what) {
        switch (what) {
            case CPUID:
                return ExitCode.CPUID;
            case HLT:
                return ExitCode.HLT;
            case INVD:
                return ExitCode.INVD;
            case WBINVD:
                return ExitCode.WBINVD;
            case INVPCID:
                return ExitCode.INVPCID;
            case INVLPGB:
                return ExitCode.INVLPGB;
            case INVLPGB_ILLEGAL:
                return ExitCode.INVLPGB_ILLEGAL;
            case TLBSYNC:
                return ExitCode.TLBSYNC;
            case RDTSC:
                return ExitCode.RDTSC;
            case RDTSCP:
                return ExitCode.RDTSCP;
            case RDPMC:
                return ExitCode.RDPMC;
            case RDPRU:
                return ExitCode.RDPRU;
            case XSETBV:
                return ExitCode.XSETBV;
            case RSM:
                return ExitCode.RSM;
            case IRET:
                return ExitCode.IRET;
            case PUSHF:
                return ExitCode.PUSHF;
            case POPF:
                return ExitCode.POPF;
            default:
                return null;
        }
    }

    private static ExitCode descriptorTable(String mnemonic) {
        switch (mnemonic) {
            case "SGDT":
                return ExitCode.GDTR_READ;
            case "SIDT":
                return ExitCode.IDTR_READ;
            case "LGDT":
                return ExitCode.GDTR_WRITE;
            case "LIDT":
                return ExitCode.IDTR_WRITE;
            case "SLDT":
                return ExitCode.LDTR_READ;
            case "STR":
                return ExitCode.TR_READ;
            case "LLDT":
                return ExitCode.LDTR_WRITE;
            default:
                return ExitCode.TR_WRITE;
        }
    }

    private boolean controlWrite(Cpu c, Insn in, int number, long value) {
        if (leave(c, in, (int) ExitCode.CR_WRITE.code() + number, assist(MOV_CR | in.rm), 0)) {
            return true;
        }
        if (number == 0 && ((value ^ c.cr0) & ~NOT_SELECTIVE) != 0) {
            return leave(c, in, (int) ExitCode.CR0_SEL_WRITE.code(), assist(MOV_CR | in.rm), 0);
        }
        if (number == 8) {
            return taskPriority(c, value);
        }
        return false;
    }

    /** V_TPR follows CR8, and stands in for the APIC's register where interrupts are masked virtually. */
    private boolean taskPriority(Cpu c, long value) {
        if (value >>> 4 != 0) {
            throw c.raise(Vector.GP, 0);
        }
        svm.controls.setTaskPriority((int) value);
        svm.virtualEventsChanged();
        return svm.controls.interruptMasking();
    }

    /** MWAIT has an intercept of its own for when it would really wait, which is checked first. */
    private boolean mwait(Cpu c, Insn in) {
        return (c.monitorArmed && leave(c, in, ExitCode.MWAIT_CONDITIONAL)) || leave(c, in, ExitCode.MWAIT);
    }

    private boolean msr(Cpu c, Insn in, int index, boolean write) {
        if (!svm.intercepts(ExitCode.MSR) || !PermissionMaps.msr(c.physical, svm.controls.msrpm, index, write)) {
            return false;
        }
        svm.worldSwitch.exitInstruction(c, in, ExitCode.MSR.code(), write ? 1 : 0, 0);
        return true;
    }

    private boolean port(Cpu c, Insn in, int operand) {
        int port = operand & 0xffff;
        int bytes = operand >>> 16 & 0xff;
        if (!svm.intercepts(ExitCode.IOIO) || !PermissionMaps.port(c.physical, svm.controls.iopm, port, bytes)) {
            return false;
        }
        boolean string = (operand & STRING_BIT) != 0;
        long info = (long) port << 16
                | ((operand & IN_BIT) != 0 ? 1 : 0)
                | (string ? 1 << 2 : 0)
                | ((operand & REP_BIT) != 0 ? 1 << 3 : 0)
                | bytes << 4
                | in.addressSize >> 4 << 7
                | (string && svm.capability.decodeAssists() ? (long) (in.seg & 7) << 10 : 0);
        svm.worldSwitch.exitInstruction(c, in, ExitCode.IOIO.code(), info, c.rip);
        return true;
    }

    /** The filter lets PAUSE through until its count is used up; a pause in the pausing refills it. */
    private boolean pause(Cpu c, Insn in) {
        Controls k = svm.controls;
        if (!k.intercepts((int) ExitCode.PAUSE.code())) {
            return false;
        }
        if (svm.capability.pauseFilter() && k.pauseFilter != 0) {
            long now = c.platform.now();
            long elapsed = now - k.lastPause;
            k.lastPause = now;
            if (svm.capability.pauseThreshold() && k.pauseThreshold != 0 && elapsed > k.pauseThreshold) {
                k.pauseLeft = k.pauseFilter;
                return false;
            }
            if (--k.pauseLeft >= 0) {
                return false;
            }
        }
        return leave(c, in, ExitCode.PAUSE);
    }

    boolean taskSwitch(Cpu c, int selector, int source, boolean hasErrorCode, long errorCode) {
        if (!svm.intercepts(ExitCode.TASK_SWITCH)) {
            return false;
        }
        long info2 = source == SOURCE_IRET ? TASK_IRET : source == SOURCE_JMP ? TASK_JMP : 0;
        if (source == SOURCE_GATE && hasErrorCode) {
            info2 |= TASK_ERROR_CODE | errorCode & 0xffffffffL;
        }
        if ((c.systemFlags & Flags.RF) != 0) {
            info2 |= TASK_RF;
        }
        svm.worldSwitch.exit(ExitCode.TASK_SWITCH.code(), selector, info2, c.rip, 0);
        return true;
    }
}

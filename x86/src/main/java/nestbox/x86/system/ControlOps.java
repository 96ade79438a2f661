package nestbox.x86.system;

import nestbox.x86.Cpu;
import nestbox.x86.Intercept;
import nestbox.x86.Vector;
import nestbox.x86.insn.Handler;
import nestbox.x86.insn.Insn;
import nestbox.x86.op.Operands;

/** MOV to and from control and debug registers, LMSW, SMSW, CLTS. */
final class ControlOps {
    private ControlOps() {}

    static Handler bind(Insn in) {
        switch (in.form.mnemonic()) {
            case "MOV":
                return move(in);
            case "LMSW":
                return ControlOps::lmsw;
            case "SMSW":
                return ControlOps::smsw;
            case "CLTS":
                return ControlOps::clts;
            default:
                return null;
        }
    }

    private static Handler move(Insn in) {
        char first = in.form.operands().get(0).charAt(0);
        char second = in.form.operands().get(1).charAt(0);
        if (first == 'C') {
            return ControlOps::writeControl;
        }
        if (first == 'D' && second == 'R') {
            return ControlOps::writeDebug;
        }
        return second == 'C' ? ControlOps::readControl : second == 'D' ? ControlOps::readDebug : null;
    }

    private static int control(Cpu c, Insn in) {
        int n = in.reg;
        if (n != 0 && n != 2 && n != 3 && n != 4 && n != 8) {
            throw c.raise(Vector.UD);
        }
        return n;
    }

    private static long source(Cpu c, Insn in) {
        return in.codeSize == 64 ? c.r[in.rm] : c.r[in.rm] & 0xffffffffL;
    }

    private static void set(Cpu c, Insn in, long value) {
        Operands.setReg(c, in, in.rm, in.codeSize == 64 ? 64 : 32, value);
    }

    private static void readControl(Cpu c, Insn in) {
        int n = control(c, in);
        Guard.privileged(c);
        if (Guard.taken(c, Intercept.CR_READ, in, n, 0)) {
            return;
        }
        long value = c.extension == null ? read(c, n) : c.extension.controlRead(c, n, read(c, n));
        Tracing.controlRead(c, n, value);
        set(c, in, value);
    }

    private static long read(Cpu c, int n) {
        switch (n) {
            case 0:
                return c.cr0;
            case 2:
                return c.cr2;
            case 3:
                return c.cr3;
            case 4:
                return c.cr4;
            default:
                return c.apic == null ? 0 : c.apic.taskPriorityClass();
        }
    }

    private static void writeControl(Cpu c, Insn in) {
        int n = control(c, in);
        Guard.privileged(c);
        long value = source(c, in);
        if (Guard.taken(c, Intercept.CR_WRITE, in, n, value)) {
            return;
        }
        switch (n) {
            case 0:
                ControlRegisters.writeCr0(c, owned(c, 0, value));
                break;
            case 2:
                c.cr2 = value;
                break;
            case 3:
                ControlRegisters.writeCr3(c, value);
                break;
            case 4:
                ControlRegisters.writeCr4(c, owned(c, 4, value));
                break;
            default:
                ControlRegisters.writeCr8(c, value);
                break;
        }
    }

    private static long owned(Cpu c, int n, long value) {
        return c.extension == null ? value : c.extension.controlWrite(c, n, value);
    }

    /** LMSW loads PE, MP, EM and TS, and can set PE but not clear it. */
    private static void lmsw(Cpu c, Insn in) {
        Guard.privileged(c);
        long source = Operands.rm(c, in, 16);
        if (Guard.taken(c, Intercept.LMSW, in, 0, source)) {
            return;
        }
        long low = Cpu.CR0_PE | Cpu.CR0_MP | Cpu.CR0_EM | Cpu.CR0_TS;
        ControlRegisters.writeCr0(c, owned(c, 0, c.cr0 & ~low | source & low | c.cr0 & Cpu.CR0_PE));
    }

    private static void smsw(Cpu c, Insn in) {
        Guard.umip(c);
        if (!Guard.taken(c, Intercept.SMSW, in)) {
            long value = c.extension == null ? c.cr0 : c.extension.controlRead(c, 0, c.cr0);
            Operands.setRm(c, in, in.memory ? 16 : in.size, value);
        }
    }

    private static void clts(Cpu c, Insn in) {
        Guard.privileged(c);
        if (!Guard.taken(c, Intercept.CLTS, in)) {
            c.cr0 = owned(c, 0, c.cr0 & ~Cpu.CR0_TS);
        }
    }

    private static void readDebug(Cpu c, Insn in) {
        int n = DebugRegisters.number(c, in.reg);
        Guard.privileged(c);
        if (Guard.taken(c, Intercept.DR_READ, in, n, 0)) {
            return;
        }
        DebugRegisters.checkGeneralDetect(c);
        set(c, in, c.dr[n]);
    }

    private static void writeDebug(Cpu c, Insn in) {
        int n = DebugRegisters.number(c, in.reg);
        Guard.privileged(c);
        if (Guard.taken(c, Intercept.DR_WRITE, in, n, source(c, in))) {
            return;
        }
        DebugRegisters.checkGeneralDetect(c);
        DebugRegisters.write(c, n, source(c, in));
    }
}

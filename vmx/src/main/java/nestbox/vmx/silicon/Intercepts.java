package nestbox.vmx.silicon;

import nestbox.vmx.vmcs.ExitReason;
import nestbox.vmx.vmcs.VmcsField;
import nestbox.x86.Cpu;
import nestbox.x86.Intercept;
import nestbox.x86.Vector;
import nestbox.x86.insn.Insn;

/** Which instructions of the guest cause exits (SDM Vol. 3, "Instructions that Cause VM Exits"), with their qualifications. */
final class Intercepts {
    private static final int X2APIC = 0x800;
    private static final int X2APIC_MASK = ~0xff;

    private final Vmx vmx;
    private final Cpu cpu;
    private final ControlAccess control;
    private final ApicAccess apic;

    Intercepts(Vmx vmx, ApicAccess apic) {
        this.apic = apic;
        this.vmx = vmx;
        cpu = vmx.cpu;
        control = vmx.controlAccess;
    }

    boolean decide(Intercept what, Insn in, long operand, long value) {
        Controls c = vmx.controls;
        switch (what) {
            case CPUID:
                return plain(in, ExitReason.CPUID, true);
            case HLT:
                return plain(in, ExitReason.HLT, c.primary(Controls.HLT));
            case RDTSC:
                return plain(in, ExitReason.RDTSC, c.primary(Controls.RDTSC));
            case RDMSR:
                return msr(in, (int) operand, false, 0);
            case WRMSR:
                return msr(in, (int) operand, true, value);
            case IO:
                return io(in, operand, value);
            case CR_READ:
                return control.read(in, (int) operand);
            case CR_WRITE:
                return control.write(in, (int) operand, value);
            case CLTS:
                return control.clts(in);
            case LMSW:
                return control.lmsw(in, value);
            case DR_READ:
                return control.debug(in, true);
            case DR_WRITE:
                return control.debug(in, false);
            case INVLPG:
                return c.primary(Controls.INVLPG) && exit(in, ExitReason.INVLPG, operand, 0);
            case PAUSE:
                return pause(in);
            case MWAIT:
                return c.primary(Controls.MWAIT) && exit(in, ExitReason.MWAIT_INSTRUCTION, cpu.monitorArmed ? 1 : 0, 0);
            case MONITOR:
                return plain(in, ExitReason.MONITOR_INSTRUCTION, c.primary(Controls.MONITOR));
            case INVD:
                return plain(in, ExitReason.INVD, true);
            case WBINVD:
                return plain(in, ExitReason.WBINVD, c.secondary(Controls.WBINVD));
            case RDPMC:
                return plain(in, ExitReason.RDPMC, c.primary(Controls.RDPMC));
            case XSETBV:
                return plain(in, ExitReason.XSETBV, true);
            default:
                return more(what, in, operand);
        }
    }

    private boolean more(Intercept what, Insn in, long operand) {
        Controls c = vmx.controls;
        switch (what) {
            case RDTSCP:
                require(Controls.RDTSCP);
                return plain(in, ExitReason.RDTSCP, c.primary(Controls.RDTSC));
            case RDPID:
                require(Controls.RDTSCP);
                return false;
            case INVPCID:
                require(Controls.INVPCID);
                return c.primary(Controls.INVLPG) && operand(in, ExitReason.INVPCID, InstructionInformation.of(in));
            case XSAVES:
                require(Controls.XSAVES);
                return supervisorState(operand) && operand(in, ExitReason.XSAVES, InstructionInformation.of(in));
            case XRSTORS:
                require(Controls.XSAVES);
                return supervisorState(operand) && operand(in, ExitReason.XRSTORS, InstructionInformation.of(in));
            case USER_WAIT:
                require(Controls.USER_WAITS);
                return false;
            case UMWAIT:
                return c.primary(Controls.RDTSC) && exit(in, ExitReason.UMWAIT, 0, InstructionInformation.register(in));
            case TPAUSE:
                return c.primary(Controls.RDTSC) && exit(in, ExitReason.TPAUSE, 0, InstructionInformation.register(in));
            case RDRAND:
                return c.secondary(Controls.RDRAND)
                        && exit(in, ExitReason.RDRAND, 0, InstructionInformation.random(in));
            case RDSEED:
                return c.secondary(Controls.RDSEED)
                        && exit(in, ExitReason.RDSEED, 0, InstructionInformation.random(in));
            case GDTR_IDTR:
                return c.secondary(Controls.DESCRIPTOR_TABLES)
                        && operand(in, ExitReason.GDTR_IDTR, InstructionInformation.table(in));
            case LDTR_TR:
                return c.secondary(Controls.DESCRIPTOR_TABLES)
                        && operand(in, ExitReason.LDTR_TR, InstructionInformation.selector(in));
            default:
                return false;
        }
    }

    private boolean plain(Insn in, ExitReason reason, boolean wanted) {
        return wanted && exit(in, reason, 0, 0);
    }

    private boolean exit(Insn in, ExitReason reason, long qualification, long information) {
        vmx.exit.instruction(in, reason, qualification, information);
        return true;
    }

    /** An exit whose qualification is the displacement of the memory operand. */
    private boolean operand(Insn in, ExitReason reason, long information) {
        return exit(in, reason, InstructionInformation.displacement(cpu, in), information);
    }

    /** #UD without a secondary control. */
    private void require(long enabled) {
        if (!vmx.controls.secondary(enabled)) {
            throw cpu.raise(Vector.UD);
        }
    }

    private boolean supervisorState(long components) {
        long set = components & cpu.msrs.stored(nestbox.x86.system.Msr.XSS);
        return (set & vmx.vmcs.get(VmcsField.XSS_EXIT_BITMAP)) != 0;
    }

    private boolean pause(Insn in) {
        Controls c = vmx.controls;
        boolean loop = !c.primary(Controls.PAUSE) && c.secondary(Controls.PAUSE_LOOP) && cpu.cpl == 0;
        return plain(in, ExitReason.PAUSE_INSTRUCTION, loop ? vmx.pauseLoops.exits() : c.primary(Controls.PAUSE));
    }

    private boolean msr(Insn in, int index, boolean write, long value) {
        if (Bitmaps.msr(vmx, index, write)) {
            return exit(in, write ? ExitReason.MSR_WRITE : ExitReason.MSR_READ, 0, 0);
        }
        if ((index & X2APIC_MASK) == X2APIC && vmx.controls.secondary(Controls.X2APIC)) {
            return write ? apic.writeMsr(index, value) : apic.readMsr(index);
        }
        return false;
    }

    /** The operand's bits are the hook's; see {@link Intercept#IO}. */
    private boolean io(Insn in, long operand, long linear) {
        int port = (int) operand & 0xffff;
        int bytes = (int) (operand >>> 16) & 0xff;
        if (!Bitmaps.port(vmx, port, bytes)) {
            return false;
        }
        boolean string = (operand >>> 25 & 1) != 0;
        boolean input = (operand >>> 24 & 1) != 0;
        boolean immediate = in.opcode >= 0xe4 && in.opcode <= 0xe7;
        long qualification = bytes - 1 | (operand >>> 24 & 7) << 3 | (immediate ? 1 << 6 : 0) | (long) port << 16;
        long information = 0;
        if (string) {
            vmx.vmcs.set(VmcsField.GUEST_LINEAR_ADDRESS, linear);
            information = InstructionInformation.addressSize(in) | (input ? 0 : InstructionInformation.segment(in));
        }
        return exit(in, ExitReason.IO_INSTRUCTION, qualification, information);
    }
}

package nestbox.svm.l0;

import java.util.EnumMap;
import java.util.Map;
import nestbox.l0.Event;
import nestbox.l0.Exit;
import nestbox.l0.ExitKind;
import nestbox.l0.HostProcessor;
import nestbox.l0.KnownInstructions;
import nestbox.svm.vmcb.EventInfo;
import nestbox.svm.vmcb.ExitCode;
import nestbox.svm.vmcb.Vmcb;
import nestbox.svm.vmcb.VmcbField;
import nestbox.x86.Vector;
import nestbox.x86.insn.Insn;
import nestbox.x86.model.Feature;
import nestbox.x86.system.EventInDelivery;
import nestbox.x86.system.Exceptions;

/** What SVM's exit fields mean to L0. */
final class SvmExits {
    private static final int EXCEPTION0 = 0x40;
    private static final int EXCEPTIONS = 32;
    private static final int VMMCALL_BYTES = 3;

    /** In EXITINFO1 of an I/O exit: IN, a string instruction, and the first of three bits for the operand size. */
    private static final long INPUT = 1;

    private static final long STRING = 1 << 2;
    private static final int SIZE = 4;

    private final SvmBackend backend;
    private final boolean savesNextRip;
    private final KnownInstructions instructions;
    private final Map<ExitCode, Insn> known = new EnumMap<>(ExitCode.class);

    /** @param nested the guest has SVM */
    SvmExits(SvmBackend backend, HostProcessor host, boolean nested) {
        this.backend = backend;
        savesNextRip = host.cpu().features.has(Feature.NRIP_SAVE);
        instructions = new KnownInstructions(host);
        known.put(ExitCode.CPUID, instructions.decoded("cpuid"));
        known.put(ExitCode.HLT, instructions.decoded("hlt"));
        known.put(ExitCode.RDTSC, instructions.decoded("rdtsc"));
        if (nested) {
            known.put(ExitCode.VMRUN, instructions.decoded("vmrun"));
        }
    }

    private Insn instruction(ExitCode code, Exit exit) {
        Insn in = known.get(code);
        if (code == ExitCode.IOIO && (exit.info1 & STRING) == 0) {
            in = instructions.port((exit.info1 & INPUT) != 0, (int) (exit.info1 >>> SIZE) & 7);
        }
        Vmcb vmcb = backend.vmcb();
        return in == null || vmcb.get(VmcbField.NRIP) - vmcb.get(VmcbField.RIP) != in.length ? null : in;
    }

    void decode(Exit exit) {
        Vmcb vmcb = backend.vmcb();
        long code = vmcb.get(VmcbField.EXITCODE);
        exit.code = code;
        exit.info1 = vmcb.get(VmcbField.EXITINFO1);
        exit.info2 = vmcb.get(VmcbField.EXITINFO2);
        exit.hasErrorCode = false;
        exit.errorCode = 0;
        exit.detail = 0;
        exit.length = 0;
        exit.known = null;
        ExitCode row = ExitCode.of(code);
        exit.name = row == null ? "UNKNOWN" : row.count() == 1 ? row.name() : ExitCode.name(code);
        if (row == null) {
            exit.kind = ExitKind.ENTRY_FAILED;
            return;
        }
        switch (row) {
            case EXCP -> exception(exit, (int) code - EXCEPTION0);
            case INTR -> exit.kind = ExitKind.HOST_INTERRUPT;
            case NMI, SMI, INIT -> exit.kind = ExitKind.HOST_NMI;
            case VINTR -> exit.kind = ExitKind.INTERRUPT_WINDOW;
            case SHUTDOWN -> exit.kind = ExitKind.TRIPLE_FAULT;
            case TASK_SWITCH -> exit.kind = ExitKind.TASK_SWITCH;
            case VMMCALL -> {
                exit.kind = ExitKind.HYPERCALL;
                exit.length = VMMCALL_BYTES;
            }
            case NPF -> {
                exit.kind = ExitKind.PAGE_FAULT;
                exit.errorCode = exit.info1;
                exit.detail = exit.info2;
            }
            case INVALID -> exit.kind = ExitKind.INVALID_STATE;
            default -> {
                exit.kind = ExitKind.INSTRUCTION;
                exit.known = savesNextRip ? instruction(row, exit) : null;
            }
        }
    }

    private static void exception(Exit exit, int vector) {
        exit.vector = vector;
        exit.kind = vector == Vector.PF ? ExitKind.PAGE_FAULT : ExitKind.EXCEPTION;
        exit.hasErrorCode = vector < EXCEPTIONS && Exceptions.hasErrorCode(vector);
        exit.errorCode = exit.hasErrorCode ? exit.info1 : 0;
        exit.detail = vector == Vector.PF ? exit.info2 : 0;
    }

    void vectoring(Event event) {
        long information = backend.vmcb().get(VmcbField.EXITINTINFO);
        if (!EventInfo.valid(information)) {
            event.clear();
            return;
        }
        int type = EventInfo.type(information);
        int vector = EventInfo.vector(information);
        if (type == EventInfo.EXCEPTION && (vector == Vector.BP || vector == Vector.OF)) {
            type = EventInDelivery.SOFTWARE_EXCEPTION;
        }
        event.set(type, vector, EventInfo.hasErrorCode(information), EventInfo.errorCode(information), 0);
    }
}

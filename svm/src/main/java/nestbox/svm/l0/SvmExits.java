package nestbox.svm.l0;

import nestbox.l0.Event;
import nestbox.l0.Exit;
import nestbox.l0.ExitKind;
import nestbox.svm.vmcb.EventInfo;
import nestbox.svm.vmcb.ExitCode;
import nestbox.svm.vmcb.Vmcb;
import nestbox.svm.vmcb.VmcbField;
import nestbox.x86.Vector;
import nestbox.x86.system.EventInDelivery;
import nestbox.x86.system.Exceptions;

/** What SVM's exit fields mean to L0. */
final class SvmExits {
    private static final int EXCEPTION0 = 0x40;
    private static final int EXCEPTIONS = 32;
    private static final int VMMCALL_BYTES = 3;

    private final SvmBackend backend;

    SvmExits(SvmBackend backend) {
        this.backend = backend;
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
            default -> exit.kind = ExitKind.INSTRUCTION;
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

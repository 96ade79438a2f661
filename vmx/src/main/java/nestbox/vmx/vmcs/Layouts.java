package nestbox.vmx.vmcs;

/**
 * Layouts of exit qualifications, interruption information and instruction information (SDM Vol. 3, chapter "VM Exits",
 * sections "Basic VM-Exit Information", "Information for VM Exits Due to Vectored Events", "Information for VM Exits Due to
 * Instruction Execution"; chapter "Virtual Machine Control Structures", tables of the VM-entry interruption-information
 * field).
 */
public final class Layouts {
    private static final String[] SEGMENTS = {"es", "cs", "ss", "ds", "fs", "gs"};
    private static final String[] REGISTERS = {
        "rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi", "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15"
    };

    /** No information: the word is 0. */
    public static final BitLayout NONE = BitLayout.named("none");

    /** The whole word is an address. */
    public static final BitLayout LINEAR_ADDRESS =
            BitLayout.named("linear address").bits(63, 0, "address");

    /** The whole word is a displacement, as INVEPT and the other instructions with a memory operand report it. */
    public static final BitLayout DISPLACEMENT = BitLayout.named("displacement").bits(63, 0, "displacement");

    public static final BitLayout DEBUG = BitLayout.named("debug exception")
            .bit(0, "b0")
            .bit(1, "b1")
            .bit(2, "b2")
            .bit(3, "b3")
            .bit(11, "bus-lock")
            .bit(13, "bd")
            .bit(14, "bs")
            .bit(16, "rtm");

    public static final BitLayout SIPI = BitLayout.named("start-up IPI").bits(7, 0, "vector");

    public static final BitLayout TASK_SWITCH = BitLayout.named("task switch")
            .bits(15, 0, "selector")
            .bits(31, 30, "source", "call", "iret", "jmp", "task gate in idt");

    public static final BitLayout CONTROL_REGISTER = BitLayout.named("control-register access")
            .bits(3, 0, "cr")
            .bits(5, 4, "access", "mov to cr", "mov from cr", "clts", "lmsw")
            .bits(6, 6, "lmsw-operand", "register", "memory")
            .bits(11, 8, "register", REGISTERS)
            .bits(31, 16, "lmsw-source");

    public static final BitLayout DEBUG_REGISTER = BitLayout.named("MOV DR")
            .bits(2, 0, "dr")
            .bits(4, 4, "direction", "mov to dr", "mov from dr")
            .bits(11, 8, "register", REGISTERS);

    public static final BitLayout IO = BitLayout.named("I/O instruction")
            .bits(2, 0, "size", "1", "2", null, "4")
            .bits(3, 3, "direction", "out", "in")
            .bit(4, "string")
            .bit(5, "rep")
            .bits(6, 6, "operand", "dx", "immediate")
            .bits(31, 16, "port");

    /** Exit 33 and the like: which of the special reasons, see {@link EntryFailureQualification}. */
    public static final BitLayout ENTRY_FAILURE = BitLayout.named("VM-entry failure")
            .bits(63, 0, "reason", "default", null, "pdptes", "nmi while blocked by sti", "vmcs link pointer");

    public static final BitLayout MSR_LOAD_FAILURE =
            BitLayout.named("MSR loading").bits(63, 0, "entry");

    public static final BitLayout MWAIT = BitLayout.named("MWAIT").bits(0, 0, "monitor", "unarmed", "armed");

    public static final BitLayout APIC_ACCESS = BitLayout.named("APIC access")
            .bits(11, 0, "offset")
            .bits(
                    15,
                    12,
                    "access",
                    "linear read",
                    "linear write",
                    "linear fetch",
                    "linear during event delivery",
                    "linear for monitoring",
                    null,
                    null,
                    null,
                    null,
                    null,
                    "physical during event delivery",
                    "physical for monitoring or trace",
                    null,
                    null,
                    null,
                    "physical for instruction")
            .bit(16, "asynchronous");

    public static final BitLayout EOI = BitLayout.named("EOI").bits(7, 0, "vector");

    public static final BitLayout APIC_WRITE = BitLayout.named("APIC write").bits(11, 0, "offset");

    public static final BitLayout EPT_VIOLATION = BitLayout.named("EPT violation")
            .bit(0, "read")
            .bit(1, "write")
            .bit(2, "fetch")
            .bit(3, "readable")
            .bit(4, "writable")
            .bit(5, "executable")
            .bit(6, "user-executable")
            .bit(7, "linear-address-valid")
            .bits(8, 8, "to", "guest paging structure", "translated address")
            .bit(9, "guest-user")
            .bit(10, "guest-writable")
            .bit(11, "guest-execute-disable")
            .bit(12, "nmi-unblocking-due-to-iret")
            .bit(13, "shadow-stack")
            .bit(14, "supervisor-shadow-stack")
            .bit(15, "guest-paging-verification")
            .bit(16, "asynchronous");

    public static final BitLayout SPP = BitLayout.named("SPP-related event")
            .bits(11, 11, "event", "misconfiguration", "miss")
            .bit(12, "nmi-unblocking-due-to-iret");

    public static final BitLayout PML_FULL =
            BitLayout.named("page-modification log full").bit(12, "nmi-unblocking-due-to-iret");

    public static final BitLayout NOTIFY =
            BitLayout.named("instruction timeout").bit(0, "context-invalid").bit(12, "nmi-unblocking-due-to-iret");

    /** VM-entry interruption information. */
    public static final BitLayout ENTRY_INTERRUPTION = interruption("VM-entry interruption information")
            .bit(11, "error-code")
            .bit(31, "valid");

    /** VM-exit interruption information. */
    public static final BitLayout EXIT_INTERRUPTION = interruption("VM-exit interruption information")
            .bit(11, "error-code")
            .bit(12, "nmi-unblocking-due-to-iret")
            .bit(31, "valid");

    /** IDT-vectoring information; bit 12 is undefined. */
    public static final BitLayout IDT_VECTORING =
            interruption("IDT-vectoring information").bit(11, "error-code").bit(31, "valid");

    /** The exit reason's word. */
    public static final BitLayout EXIT_REASON = BitLayout.named("exit reason")
            .bits(15, 0, "basic")
            .bit(26, "bus-lock")
            .bit(27, "enclave-mode")
            .bit(28, "pending-mtf")
            .bit(29, "from-vmx-root")
            .bit(31, "entry-failure");

    /** Bits of the guest interruptibility state. */
    public static final BitLayout INTERRUPTIBILITY = BitLayout.named("interruptibility state")
            .bit(0, "sti")
            .bit(1, "mov-ss")
            .bit(2, "smi")
            .bit(3, "nmi")
            .bit(4, "enclave");

    public static final BitLayout PENDING_DEBUG = BitLayout.named("pending debug exceptions")
            .bit(0, "b0")
            .bit(1, "b1")
            .bit(2, "b2")
            .bit(3, "b3")
            .bit(11, "bus-lock")
            .bit(12, "enabled-breakpoint")
            .bit(14, "bs")
            .bit(16, "rtm");

    /** INS and OUTS. */
    public static final BitLayout STRING_IO_INFORMATION = BitLayout.named("INS, OUTS")
            .bits(9, 7, "address-size", "16", "32", "64")
            .bits(17, 15, "segment", SEGMENTS);

    /** INVEPT, INVPCID, INVVPID. */
    public static final BitLayout INVALIDATION_INFORMATION =
            memory("INVEPT, INVPCID, INVVPID").bits(31, 28, "register2", REGISTERS);

    /** LGDT, LIDT, SGDT, SIDT. */
    public static final BitLayout GDT_IDT_INFORMATION = BitLayout.named("LGDT, LIDT, SGDT, SIDT")
            .bits(1, 0, "scaling", "1", "2", "4", "8")
            .bits(9, 7, "address-size", "16", "32", "64")
            .bits(11, 11, "operand-size", "16", "32")
            .bits(17, 15, "segment", SEGMENTS)
            .bits(21, 18, "index", REGISTERS)
            .bit(22, "no-index")
            .bits(26, 23, "base", REGISTERS)
            .bit(27, "no-base")
            .bits(29, 28, "instruction", "sgdt", "sidt", "lgdt", "lidt");

    /** LLDT, LTR, SLDT, STR. */
    public static final BitLayout LDT_TR_INFORMATION =
            registerOrMemory("LLDT, LTR, SLDT, STR").bits(29, 28, "instruction", "sldt", "str", "lldt", "ltr");

    /** RDRAND, RDSEED. */
    public static final BitLayout RANDOM_INFORMATION = BitLayout.named("RDRAND, RDSEED")
            .bits(6, 3, "destination", REGISTERS)
            .bits(12, 11, "operand-size", "16", "32", "64");

    /** TPAUSE, UMWAIT. */
    public static final BitLayout WAIT_INFORMATION =
            BitLayout.named("TPAUSE, UMWAIT").bits(6, 3, "register", REGISTERS);

    /** VMCLEAR, VMPTRLD, VMPTRST, VMXON, XRSTORS, XSAVES. */
    public static final BitLayout POINTER_INFORMATION = memory("VMCLEAR, VMPTRLD, VMPTRST, VMXON, XRSTORS, XSAVES");

    /** VMREAD, VMWRITE. */
    public static final BitLayout FIELD_INFORMATION =
            registerOrMemory("VMREAD, VMWRITE").bits(31, 28, "register2", REGISTERS);

    private Layouts() {}

    private static BitLayout interruption(String name) {
        return BitLayout.named(name)
                .bits(7, 0, "vector")
                .bits(
                        10,
                        8,
                        "type",
                        "external interrupt",
                        null,
                        "nmi",
                        "hardware exception",
                        "software interrupt",
                        "privileged software exception",
                        "software exception",
                        "other event");
    }

    private static BitLayout memory(String name) {
        return BitLayout.named(name)
                .bits(1, 0, "scaling", "1", "2", "4", "8")
                .bits(9, 7, "address-size", "16", "32", "64")
                .bits(17, 15, "segment", SEGMENTS)
                .bits(21, 18, "index", REGISTERS)
                .bit(22, "no-index")
                .bits(26, 23, "base", REGISTERS)
                .bit(27, "no-base");
    }

    private static BitLayout registerOrMemory(String name) {
        return BitLayout.named(name)
                .bits(1, 0, "scaling", "1", "2", "4", "8")
                .bits(6, 3, "register1", REGISTERS)
                .bits(9, 7, "address-size", "16", "32", "64")
                .bits(10, 10, "operand", "memory", "register")
                .bits(17, 15, "segment", SEGMENTS)
                .bits(21, 18, "index", REGISTERS)
                .bit(22, "no-index")
                .bits(26, 23, "base", REGISTERS)
                .bit(27, "no-base");
    }
}

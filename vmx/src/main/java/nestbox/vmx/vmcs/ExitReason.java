package nestbox.vmx.vmcs;

/**
 * Basic exit reasons, named as KVM's {@code VMX_EXIT_REASONS} name them, with the layouts of exit qualification and
 * instruction information (SDM Vol. 3, Appendix "VMX Basic Exit Reasons"; section "Basic VM-Exit Information").
 */
public enum ExitReason {
    EXCEPTION_NMI(
            0,
            Layouts.DEBUG,
            Layouts.NONE,
            Status.IMPLEMENTED,
            "Exception or NMI; #DB and #PF have a qualification of their own"),
    EXTERNAL_INTERRUPT(1, Layouts.NONE, Layouts.NONE, Status.IMPLEMENTED, "External interrupt"),
    TRIPLE_FAULT(2, Layouts.NONE, Layouts.NONE, Status.IMPLEMENTED, "Triple fault"),
    INIT_SIGNAL(3, Layouts.NONE, Layouts.NONE, Status.IMPLEMENTED, "INIT signal"),
    SIPI_SIGNAL(4, Layouts.SIPI, Layouts.NONE, Status.IMPLEMENTED, "Start-up IPI"),
    IO_SMI(5, Layouts.NONE, Layouts.NONE, Status.HIDDEN, "I/O system-management interrupt"),
    OTHER_SMI(6, Layouts.NONE, Layouts.NONE, Status.HIDDEN, "Other system-management interrupt"),
    INTERRUPT_WINDOW(7, Layouts.NONE, Layouts.NONE, Status.IMPLEMENTED, "Interrupt window"),
    NMI_WINDOW(8, Layouts.NONE, Layouts.NONE, Status.IMPLEMENTED, "NMI window"),
    TASK_SWITCH(9, Layouts.TASK_SWITCH, Layouts.NONE, Status.IMPLEMENTED, "Task switch"),
    CPUID(10, Layouts.NONE, Layouts.NONE, Status.IMPLEMENTED, "CPUID"),
    GETSEC(11, Layouts.NONE, Layouts.NONE, Status.HIDDEN, "GETSEC"),
    HLT(12, Layouts.NONE, Layouts.NONE, Status.IMPLEMENTED, "HLT"),
    INVD(13, Layouts.NONE, Layouts.NONE, Status.IMPLEMENTED, "INVD"),
    INVLPG(14, Layouts.LINEAR_ADDRESS, Layouts.NONE, Status.IMPLEMENTED, "INVLPG"),
    RDPMC(15, Layouts.NONE, Layouts.NONE, Status.IMPLEMENTED, "RDPMC"),
    RDTSC(16, Layouts.NONE, Layouts.NONE, Status.IMPLEMENTED, "RDTSC"),
    RSM(17, Layouts.NONE, Layouts.NONE, Status.HIDDEN, "RSM in SMM"),
    VMCALL(18, Layouts.NONE, Layouts.NONE, Status.IMPLEMENTED, "VMCALL"),
    VMCLEAR(19, Layouts.DISPLACEMENT, Layouts.POINTER_INFORMATION, Status.IMPLEMENTED, "VMCLEAR"),
    VMLAUNCH(20, Layouts.NONE, Layouts.NONE, Status.IMPLEMENTED, "VMLAUNCH"),
    VMPTRLD(21, Layouts.DISPLACEMENT, Layouts.POINTER_INFORMATION, Status.IMPLEMENTED, "VMPTRLD"),
    VMPTRST(22, Layouts.DISPLACEMENT, Layouts.POINTER_INFORMATION, Status.IMPLEMENTED, "VMPTRST"),
    VMREAD(23, Layouts.DISPLACEMENT, Layouts.FIELD_INFORMATION, Status.IMPLEMENTED, "VMREAD"),
    VMRESUME(24, Layouts.NONE, Layouts.NONE, Status.IMPLEMENTED, "VMRESUME"),
    VMWRITE(25, Layouts.DISPLACEMENT, Layouts.FIELD_INFORMATION, Status.IMPLEMENTED, "VMWRITE"),
    VMOFF(26, Layouts.NONE, Layouts.NONE, Status.IMPLEMENTED, "VMXOFF"),
    VMON(27, Layouts.DISPLACEMENT, Layouts.POINTER_INFORMATION, Status.IMPLEMENTED, "VMXON"),
    CR_ACCESS(28, Layouts.CONTROL_REGISTER, Layouts.NONE, Status.IMPLEMENTED, "Control-register access"),
    DR_ACCESS(29, Layouts.DEBUG_REGISTER, Layouts.NONE, Status.IMPLEMENTED, "MOV DR"),
    IO_INSTRUCTION(30, Layouts.IO, Layouts.STRING_IO_INFORMATION, Status.IMPLEMENTED, "I/O instruction"),
    MSR_READ(31, Layouts.NONE, Layouts.NONE, Status.IMPLEMENTED, "RDMSR"),
    MSR_WRITE(32, Layouts.NONE, Layouts.NONE, Status.IMPLEMENTED, "WRMSR"),
    INVALID_STATE(
            33, Layouts.ENTRY_FAILURE, Layouts.NONE, Status.IMPLEMENTED, "VM-entry failure due to invalid guest state"),
    MSR_LOAD_FAIL(
            34, Layouts.MSR_LOAD_FAILURE, Layouts.NONE, Status.IMPLEMENTED, "VM-entry failure due to MSR loading"),
    MWAIT_INSTRUCTION(36, Layouts.MWAIT, Layouts.NONE, Status.IMPLEMENTED, "MWAIT"),
    MONITOR_TRAP_FLAG(37, Layouts.NONE, Layouts.NONE, Status.IMPLEMENTED, "Monitor trap flag"),
    MONITOR_INSTRUCTION(39, Layouts.NONE, Layouts.NONE, Status.IMPLEMENTED, "MONITOR"),
    PAUSE_INSTRUCTION(40, Layouts.NONE, Layouts.NONE, Status.IMPLEMENTED, "PAUSE"),
    MCE_DURING_VMENTRY(
            41, Layouts.NONE, Layouts.NONE, Status.IMPLEMENTED, "VM-entry failure due to machine-check event"),
    TPR_BELOW_THRESHOLD(43, Layouts.NONE, Layouts.NONE, Status.IMPLEMENTED, "TPR below threshold"),
    APIC_ACCESS(44, Layouts.APIC_ACCESS, Layouts.NONE, Status.IMPLEMENTED, "APIC access"),
    EOI_INDUCED(45, Layouts.EOI, Layouts.NONE, Status.IMPLEMENTED, "Virtualized EOI"),
    GDTR_IDTR(46, Layouts.DISPLACEMENT, Layouts.GDT_IDT_INFORMATION, Status.IMPLEMENTED, "Access to GDTR or IDTR"),
    LDTR_TR(47, Layouts.DISPLACEMENT, Layouts.LDT_TR_INFORMATION, Status.IMPLEMENTED, "Access to LDTR or TR"),
    EPT_VIOLATION(48, Layouts.EPT_VIOLATION, Layouts.NONE, Status.IMPLEMENTED, "EPT violation"),
    EPT_MISCONFIG(49, Layouts.NONE, Layouts.NONE, Status.IMPLEMENTED, "EPT misconfiguration"),
    INVEPT(50, Layouts.DISPLACEMENT, Layouts.INVALIDATION_INFORMATION, Status.IMPLEMENTED, "INVEPT"),
    RDTSCP(51, Layouts.NONE, Layouts.NONE, Status.IMPLEMENTED, "RDTSCP"),
    PREEMPTION_TIMER(52, Layouts.NONE, Layouts.NONE, Status.IMPLEMENTED, "VMX-preemption timer expired"),
    INVVPID(53, Layouts.DISPLACEMENT, Layouts.INVALIDATION_INFORMATION, Status.IMPLEMENTED, "INVVPID"),
    WBINVD(54, Layouts.NONE, Layouts.NONE, Status.IMPLEMENTED, "WBINVD or WBNOINVD"),
    XSETBV(55, Layouts.NONE, Layouts.NONE, Status.IMPLEMENTED, "XSETBV"),
    APIC_WRITE(56, Layouts.APIC_WRITE, Layouts.NONE, Status.IMPLEMENTED, "APIC write"),
    RDRAND(57, Layouts.NONE, Layouts.RANDOM_INFORMATION, Status.IMPLEMENTED, "RDRAND"),
    INVPCID(58, Layouts.DISPLACEMENT, Layouts.INVALIDATION_INFORMATION, Status.IMPLEMENTED, "INVPCID"),
    VMFUNC(59, Layouts.NONE, Layouts.NONE, Status.IMPLEMENTED, "VMFUNC"),
    ENCLS(60, Layouts.NONE, Layouts.NONE, Status.HIDDEN, "ENCLS"),
    RDSEED(61, Layouts.NONE, Layouts.RANDOM_INFORMATION, Status.IMPLEMENTED, "RDSEED"),
    PML_FULL(62, Layouts.PML_FULL, Layouts.NONE, Status.IMPLEMENTED, "Page-modification log full"),
    XSAVES(63, Layouts.DISPLACEMENT, Layouts.POINTER_INFORMATION, Status.IMPLEMENTED, "XSAVES"),
    XRSTORS(64, Layouts.DISPLACEMENT, Layouts.POINTER_INFORMATION, Status.IMPLEMENTED, "XRSTORS"),
    PCONFIG(65, Layouts.NONE, Layouts.NONE, Status.HIDDEN_UNVERIFIED, "PCONFIG"),
    SPP_EVENT(66, Layouts.SPP, Layouts.NONE, Status.IMPLEMENTED, "SPP-related event"),
    UMWAIT(67, Layouts.NONE, Layouts.WAIT_INFORMATION, Status.UNVERIFIED, "UMWAIT"),
    TPAUSE(68, Layouts.NONE, Layouts.WAIT_INFORMATION, Status.UNVERIFIED, "TPAUSE"),
    LOADIWKEY(69, Layouts.NONE, Layouts.NONE, Status.HIDDEN_UNVERIFIED, "LOADIWKEY"),
    ENCLV(70, Layouts.NONE, Layouts.NONE, Status.HIDDEN_UNVERIFIED, "ENCLV"),
    ENQCMD(72, Layouts.NONE, Layouts.NONE, Status.HIDDEN_UNVERIFIED, "ENQCMD PASID translation failure"),
    ENQCMDS(73, Layouts.NONE, Layouts.NONE, Status.HIDDEN_UNVERIFIED, "ENQCMDS PASID translation failure"),
    BUS_LOCK(74, Layouts.NONE, Layouts.NONE, Status.IMPLEMENTED, "Bus lock"),
    NOTIFY(75, Layouts.NOTIFY, Layouts.NONE, Status.IMPLEMENTED, "Instruction timeout"),
    SEAMCALL(76, Layouts.NONE, Layouts.NONE, Status.HIDDEN_UNVERIFIED, "SEAMCALL"),
    TDCALL(77, Layouts.NONE, Layouts.NONE, Status.HIDDEN_UNVERIFIED, "TDCALL"),
    RDMSRLIST(78, Layouts.NONE, Layouts.NONE, Status.HIDDEN_UNVERIFIED, "RDMSRLIST"),
    WRMSRLIST(79, Layouts.NONE, Layouts.NONE, Status.HIDDEN_UNVERIFIED, "WRMSRLIST");

    /** Bit 31 of the exit-reason field: the entry failed, no guest instruction ran. */
    public static final long ENTRY_FAILURE = 1L << 31;
    /** Bit 26 of the exit-reason field: the guest had locked the bus, and VMM bus-lock detection was on. */
    public static final long BUS_LOCK_ASSERTED = 1L << 26;

    /** Whether Nestbox can cause the exit, and whether the manual's text behind the row was read. */
    private enum Status {
        IMPLEMENTED,
        HIDDEN,
        UNVERIFIED,
        HIDDEN_UNVERIFIED
    }

    private static final ExitReason[] BY_NUMBER = new ExitReason[80];

    static {
        for (ExitReason reason : values()) {
            BY_NUMBER[reason.number] = reason;
        }
    }

    private final int number;
    private final BitLayout qualification;
    private final BitLayout instructionInformation;
    private final Status status;
    private final String text;

    ExitReason(int number, BitLayout qualification, BitLayout information, Status status, String text) {
        this.number = number;
        this.qualification = qualification;
        this.instructionInformation = information;
        this.status = status;
        this.text = text;
    }

    /** The row of a basic exit reason (bits 15:0 of the field), or null. */
    public static ExitReason byNumber(int number) {
        return number >= 0 && number < BY_NUMBER.length ? BY_NUMBER[number] : null;
    }

    public int number() {
        return number;
    }

    /** Layout of the exit qualification; of a #PF it is a linear address instead. */
    public BitLayout qualification() {
        return qualification;
    }

    public BitLayout instructionInformation() {
        return instructionInformation;
    }

    /** False for exits of what Nestbox refuses (SMM, SGX, TDX...). */
    public boolean implemented() {
        return status == Status.IMPLEMENTED || status == Status.UNVERIFIED;
    }

    /** False for a row of which the manual's text could not be read. */
    public boolean verified() {
        return status == Status.IMPLEMENTED || status == Status.HIDDEN;
    }

    public String text() {
        return text;
    }
}

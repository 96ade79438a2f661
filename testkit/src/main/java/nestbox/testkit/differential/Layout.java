package nestbox.testkit.differential;

/** Where things lie in the physical memory of the differential guests. What is not named here is free for 1-GiB pages to show. */
final class Layout {
    static final long MEMORY = 16 << 20;
    /** The top table, CR4, bits for EFER, number of processors; 32 bits each. */
    static final long PARAMETERS = 0x5000;
    /** Number of the step that is next. */
    static final long TURN = 0x5100;

    static final long SCRATCH = 0x5400;
    static final long GDT_POINTER = 0x5200;
    static final long IDT_POINTER = 0x5210;
    /** What processors tell each other: an address, what to do, a flag that it is done, and what real mode has read. */
    static final long MAILBOX = 0x5300;

    static final long GDT = 0x6000;
    static final long IDT = 0x7000;
    /** Real-mode code of the other processors. */
    static final long TRAMPOLINE = 0x8000;
    /** Code that runs in real mode. */
    static final long REAL = 0x8100;
    /** Its interrupt vectors. */
    static final long REAL_VECTORS = 0x8400;
    /** One task-state segment each processor, 100h apart. */
    static final long TSS = 0x9000;

    static final long IMAGE = 0x100000;
    /** Top of the first processor's stack; the next is 4000h lower. */
    static final long STACKS = 0x1f0000;
    /** Page tables, those of the kernel first. */
    static final long TABLES = 0x210000;

    static final long TABLES_END = 0x300000;
    /** Frames of 4 KiB that the window maps. */
    static final long FRAMES = 0x300000;

    static final int FRAME_COUNT = 16;
    /** The page of code at CPL 3; its 2 MiB are the user's. */
    static final long USER = 0x700000;

    static final long USER_STACK = 0x7ff000;
    static final long STEPS = 0x800000;
    static final long LOG = 0xa00000;
    /** Most steps of a list. */
    static final int MOST_STEPS = 0x10000;

    static final int LOG_BYTES = 16;
    /** Two frames of 2 MiB, the first at a boundary of 4 MiB. */
    static final long LARGE_FRAMES = 0xc00000;
    /** Code within a frame: {@code mov eax, NUMBER; ret}. */
    static final int CODE = 0xff0;
    /** A page of the test device's memory: a device that keeps what is written to it. */
    static final long DEVICE = 0xff000000L;
    /** No memory and no device. */
    static final long NOTHING = 0x30000000L;
    /** Neither here; with 32-bit addresses these are linear addresses of the window, too. */
    static final long BEYOND = 0x40000000L;
    /** A segment that a PAM register switches between ROM and RAM. */
    static final long PAM = 0xc8000;

    static final long APIC = 0xfee00000L;

    private Layout() {}
}

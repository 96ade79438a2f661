package nestbox.machine.bus;

/**
 * Ports that a PC's firmware or kernel tries and that nothing decodes here, on purpose: they read as ones and ignore writes, as
 * where the part is not fitted. What software does then is what it does on a PC without the part.
 */
public enum AbsentPorts {
    DMA_1(0x00, 0x0f, "DMA controller 8237", "no ISA device asks for DMA"),
    DMA_PAGES(0x81, 0x8f, "DMA page registers", "as the DMA controllers"),
    DMA_2(0xc0, 0xdf, "second DMA controller", "as the first"),
    COPROCESSOR(0xf0, 0xf1, "coprocessor's error latch", "FERR# leads nowhere; software sets CR0.NE"),
    IDE_SECONDARY(0x170, 0x177, "secondary IDE channel", "no disk"),
    IDE_PRIMARY(0x1f0, 0x1f7, "primary IDE channel", "no disk"),
    PARALLEL_2(0x278, 0x27f, "second parallel port", "no printer"),
    SERIAL_4(0x2e8, 0x2ef, "fourth serial port", "one serial port is there, at 3F8h"),
    SERIAL_2(0x2f8, 0x2ff, "second serial port", "one serial port is there, at 3F8h"),
    IDE_SECONDARY_CONTROL(0x376, 0x376, "secondary IDE channel's control", "no disk"),
    PARALLEL_1(0x378, 0x37f, "first parallel port", "no printer"),
    MONOCHROME(0x3b0, 0x3bf, "monochrome adapter and its printer port", "as VGA"),
    VGA(0x3c0, 0x3df, "VGA registers", "the text screen has neither modes, fonts, palette nor a cursor"),
    SERIAL_3(0x3e8, 0x3ef, "third serial port", "one serial port is there, at 3F8h"),
    FLOPPY(0x3f0, 0x3f5, "floppy disk controller", "no drive"),
    IDE_PRIMARY_CONTROL(0x3f6, 0x3f7, "primary IDE channel's control", "no disk"),
    PCI_HOT_PLUG(0xae00, 0xae13, "QEMU's PCI hot plug", "no slot"),
    PM_GLOBAL_CONTROL(
            0xb028,
            0xb02b,
            "global control of PIIX4's power management",
            "the enable of SMI by port B2h is APMC_EN alone");

    private final int first;
    private final int last;
    private final String part;
    private final String reason;

    AbsentPorts(int first, int last, String part, String reason) {
        this.first = first;
        this.last = last;
        this.part = part;
        this.reason = reason;
    }

    public int first() {
        return first;
    }

    public int last() {
        return last;
    }

    /** What a PC has there. */
    public String part() {
        return part;
    }

    /** Why it is not missed. */
    public String reason() {
        return reason;
    }

    /** Whether some row has that port. */
    public static boolean has(int port) {
        for (AbsentPorts row : values()) {
            if (port >= row.first && port <= row.last) {
                return true;
            }
        }
        return false;
    }
}

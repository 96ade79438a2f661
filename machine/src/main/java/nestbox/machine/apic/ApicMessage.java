package nestbox.machine.apic;

/**
 * An interrupt message between APICs.
 *
 * @param destination APIC id, or logical destination
 * @param wide the destination has 32 bits (sent in x2APIC mode) and not 8
 * @param logical the destination is logical
 * @param mode one of the {@code MODE_} constants (SDM Vol. 3, "Local APIC", delivery mode)
 */
record ApicMessage(int destination, boolean wide, boolean logical, int mode, int vector, boolean levelTriggered) {
    static final int MODE_FIXED = 0;
    static final int MODE_LOWEST_PRIORITY = 1;
    static final int MODE_SMI = 2;
    static final int MODE_NMI = 4;
    static final int MODE_INIT = 5;
    static final int MODE_START_UP = 6;
    static final int MODE_EXTINT = 7;

    boolean broadcast() {
        return destination == (wide ? -1 : 0xff);
    }
}

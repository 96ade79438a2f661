package nestbox.machine.firmware;

import java.util.LinkedHashMap;
import java.util.Map;
import nestbox.machine.apic.IoApic;
import nestbox.machine.apic.LocalApic;
import nestbox.machine.device.AcpiPm;
import nestbox.machine.device.Hpet;

/**
 * The ACPI tables of the board (ACPI Specification, "ACPI Software Programming Model"): RSDP, RSDT, XSDT, FADT, FACS, MADT,
 * HPET and a DSDT with the sleep states and the PCI root.
 */
public final class AcpiTables {
    private static final int FACS_BYTES = 64;
    private static final int FACS_WAKING_VECTOR = 12;
    private static final int RESET_PORT = 0xcf9;
    private static final int RESET_VALUE = 6;
    /** WBINVD works, C1 works, no power and sleep buttons as fixed hardware, RTC wakes from S4, reset register. */
    private static final int FADT_FLAGS = 1 | 1 << 2 | 1 << 4 | 1 << 5 | 1 << 7 | 1 << 10;

    private final Map<String, byte[]> tables = new LinkedHashMap<>();
    private final Map<String, Long> addresses = new LinkedHashMap<>();
    private final long base;
    private long next;

    /** @param base where the tables will lie, page-aligned */
    public AcpiTables(long base, int cpus) {
        this.base = base;
        next = base;
        add("FACS", facs());
        add("DSDT", dsdt());
        add("FACP", fadt());
        add("APIC", madt(cpus));
        add("HPET", hpet());
        add("RSDT", root(false));
        add("XSDT", root(true));
    }

    private void add(String name, byte[] table) {
        tables.put(name, table);
        addresses.put(name, next);
        next = (next + table.length + 63) & ~63L;
    }

    /** The tables by signature. */
    public Map<String, byte[]> tables() {
        return tables;
    }

    public long address(String signature) {
        return addresses.get(signature);
    }

    /** Physical address of the FACS's waking vector. */
    public long wakingVector() {
        return address("FACS") + FACS_WAKING_VECTOR;
    }

    /** All tables as they lie in memory from the base on. */
    public byte[] image() {
        byte[] image = new byte[(int) (next - base)];
        tables.forEach((name, table) -> System.arraycopy(table, 0, image, (int) (address(name) - base), table.length));
        return image;
    }

    /** The root pointer, which the firmware puts below 1 MiB on a boundary of 16 bytes. */
    public byte[] rootPointer() {
        byte[] rsdp = new TableBuilder()
                .text("RSD PTR ", 8)
                .u8(0)
                .text("NESTBX", 6)
                .u8(2)
                .u32(address("RSDT"))
                .u32(36)
                .u64(address("XSDT"))
                .u32(0)
                .raw();
        rsdp[8] = TableBuilder.checksum(rsdp, 20);
        rsdp[32] = TableBuilder.checksum(rsdp, 36);
        return rsdp;
    }

    private static byte[] facs() {
        return new TableBuilder()
                .text("FACS", 4)
                .u32(FACS_BYTES)
                .zeros(24)
                .u8(1)
                .zeros(31)
                .raw();
    }

    private static byte[] dsdt() {
        byte[] identity = Aml.name("_HID", Aml.eisaId("PNP0A03"));
        byte[] root = Aml.device("PCI0", identity, Aml.name("_ADR", Aml.number(0)), Aml.name("_UID", Aml.number(0)));
        return TableBuilder.table("DSDT", 2)
                .bytes(Aml.name("_S3_", Aml.packageOf(AcpiPm.SLEEP_S3, AcpiPm.SLEEP_S3, 0, 0)))
                .bytes(Aml.name("_S5_", Aml.packageOf(AcpiPm.SLEEP_S5, AcpiPm.SLEEP_S5, 0, 0)))
                .bytes(Aml.scope("_SB_", root))
                .acpi();
    }

    private byte[] fadt() {
        return TableBuilder.table("FACP", 3)
                .u32(address("FACS"))
                .u32(address("DSDT"))
                .u8(1)
                .u8(0)
                .u16(AcpiPm.SCI)
                .u32(AcpiPm.SMI_COMMAND)
                .u8(AcpiPm.ACPI_ENABLE)
                .u8(AcpiPm.ACPI_DISABLE)
                .u8(0)
                .u8(0)
                .u32(AcpiPm.EVENT_BLOCK)
                .u32(0)
                .u32(AcpiPm.CONTROL_BLOCK)
                .u32(0)
                .u32(0)
                .u32(AcpiPm.TIMER_BLOCK)
                .u32(AcpiPm.GPE_BLOCK)
                .u32(0)
                .u8(4)
                .u8(2)
                .u8(0)
                .u8(4)
                .u8(4)
                .u8(0)
                .u8(0)
                .u8(0)
                // C2 and C3 are not there: their latencies are beyond the limits.
                .u16(0xfff)
                .u16(0xfff)
                .zeros(6)
                .u8(0)
                .u8(0)
                .u8(0x32)
                .u16(3)
                .u8(0)
                .u32(FADT_FLAGS)
                .ioAddress(RESET_PORT, 8)
                .u8(RESET_VALUE)
                .zeros(3)
                .u64(address("FACS"))
                .u64(address("DSDT"))
                .ioAddress(AcpiPm.EVENT_BLOCK, 32)
                .zeros(12)
                .ioAddress(AcpiPm.CONTROL_BLOCK, 16)
                .zeros(12)
                .zeros(12)
                .ioAddress(AcpiPm.TIMER_BLOCK, 32)
                .ioAddress(AcpiPm.GPE_BLOCK, 32)
                .zeros(12)
                .acpi();
    }

    private static byte[] madt(int cpus) {
        TableBuilder table =
                TableBuilder.table("APIC", 1).u32(LocalApic.DEFAULT_BASE).u32(1);
        for (int i = 0; i < cpus; i++) {
            table.u8(0).u8(8).u8(i).u8(i).u32(1);
        }
        table.u8(1).u8(12).u8(0).u8(0).u32(IoApic.DEFAULT_BASE).u32(0);
        // IRQ 0 is on input 2; the SCI is level-triggered, active high.
        table.u8(2).u8(10).u8(0).u8(0).u32(2).u16(0);
        table.u8(2).u8(10).u8(0).u8(AcpiPm.SCI).u32(AcpiPm.SCI).u16(0xd);
        table.u8(4).u8(6).u8(0xff).u16(0).u8(1);
        return table.acpi();
    }

    private static byte[] hpet() {
        return TableBuilder.table("HPET", 1)
                .u32(Hpet.BLOCK_ID & 0xffffffffL)
                .u8(0)
                .u8(64)
                .u8(0)
                .u8(0)
                .u64(Hpet.BASE)
                .u8(0)
                .u16(0x80)
                .u8(0)
                .acpi();
    }

    private byte[] root(boolean wide) {
        TableBuilder table = TableBuilder.table(wide ? "XSDT" : "RSDT", 1);
        for (String name : new String[] {"FACP", "APIC", "HPET"}) {
            if (wide) {
                table.u64(address(name));
            } else {
                table.u32(address(name));
            }
        }
        return table.acpi();
    }
}

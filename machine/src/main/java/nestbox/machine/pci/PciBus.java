package nestbox.machine.pci;

import java.util.TreeMap;
import nestbox.core.StateReader;
import nestbox.core.StateWriter;
import nestbox.core.Stateful;
import nestbox.machine.bus.Bus;
import nestbox.machine.bus.PortHandler;
import nestbox.machine.device.AcpiPm;
import nestbox.machine.device.SystemControl;

/**
 * PCI configuration mechanism #1 at ports CF8h and CFCh with the functions of an i440FX board: host bridge, PIIX3 ISA bridge
 * and PIIX4 power management. Absent functions read as ones.
 */
public final class PciBus implements PortHandler, Stateful {
    private static final int ADDRESS = 0xcf8;
    private static final int RESET_CONTROL = 0xcf9;
    private static final int DATA = 0xcfc;
    private static final int ENABLE = 1 << 31;

    private final TreeMap<Integer, PciDevice> functions = new TreeMap<>();
    private final SystemControl control;
    private int address;

    public PciBus(SystemControl control) {
        this.control = control;
        functions.put(function(0, 0), hostBridge());
        functions.put(function(1, 0), isaBridge());
        functions.put(function(1, 3), powerManagement());
    }

    private static PciDevice hostBridge() {
        return new PciDevice("host", 0x8086, 0x1237, 0x060000, 0).set(8, 1, 2).allow(0x59, 7, -1L);
    }

    /** The interrupt routing registers 60h to 63h start with every PIRQ unrouted. */
    private static PciDevice isaBridge() {
        return new PciDevice("isa", 0x8086, 0x7000, 0x060100, 0x80).set(0x60, 4, 0x80808080L).allow(0x60, 4, 0x8f8f8f8fL);
    }

    private static PciDevice powerManagement() {
        return new PciDevice("pm", 0x8086, 0x7113, 0x068000, 0)
                .set(8, 1, 3)
                .set(0x3c, 2, 0x0100 | AcpiPm.SCI)
                .set(0x40, 4, AcpiPm.EVENT_BLOCK | 1)
                .set(0x80, 1, 1);
    }

    private static int function(int device, int function) {
        return device << 3 | function;
    }

    public void attach(Bus bus) {
        bus.mapPorts(ADDRESS, 8, 4, this);
    }

    @Override
    public long in(int port, int bytes) {
        if (port >= DATA) {
            PciDevice device = selected();
            return device == null ? -1 : device.read((address & 0xfc) + port - DATA, bytes);
        }
        if (port == RESET_CONTROL && bytes == 1) {
            return control.resetControl();
        }
        return port == ADDRESS && bytes == 4 ? address & 0xffffffffL : -1;
    }

    @Override
    public void out(int port, int bytes, long value) {
        if (port >= DATA) {
            PciDevice device = selected();
            if (device != null) {
                device.write((address & 0xfc) + port - DATA, bytes, value);
            }
        } else if (port == RESET_CONTROL && bytes == 1) {
            control.writeResetControl((int) value);
        } else if (port == ADDRESS && bytes == 4) {
            address = (int) value & 0x80fffffc;
        }
    }

    private PciDevice selected() {
        boolean onBus0 = (address & ENABLE) != 0 && (address >>> 16 & 0xff) == 0;
        return onBus0 ? functions.get(address >>> 8 & 0xff) : null;
    }

    @Override
    public void save(StateWriter out) {
        out.section("pci").writeInt(address);
        functions.values().forEach(device -> device.save(out));
    }

    @Override
    public void restore(StateReader in) {
        in.section("pci");
        address = in.readInt();
        functions.values().forEach(device -> device.restore(in));
    }
}

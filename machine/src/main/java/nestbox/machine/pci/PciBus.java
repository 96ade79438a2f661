package nestbox.machine.pci;

import java.util.TreeMap;
import nestbox.core.StateReader;
import nestbox.core.StateWriter;
import nestbox.core.Stateful;
import nestbox.machine.bus.Bus;
import nestbox.machine.bus.PortHandler;
import nestbox.machine.device.AcpiPm;
import nestbox.machine.device.SystemControl;
import nestbox.machine.device.VideoWindow;
import nestbox.machine.firmware.ShadowMemory;

/**
 * PCI configuration mechanism #1 at ports CF8h and CFCh with the functions of an i440FX board: host bridge, PIIX3 ISA bridge
 * and PIIX4 power management. Absent functions read as ones.
 */
public final class PciBus implements PortHandler, Stateful {
    private static final int ADDRESS = 0xcf8;
    private static final int RESET_CONTROL = 0xcf9;
    private static final int DATA = 0xcfc;
    private static final int ENABLE = 1 << 31;
    private static final int SMRAM_WRITABLE =
            VideoWindow.SMRAM_OPEN | VideoWindow.SMRAM_CLOSED | VideoWindow.SMRAM_LOCKED | VideoWindow.SMRAM_ENABLED;

    private static final int SUBSYSTEM = 0x2c;
    /** QEMU's subsystem of the host bridge, by which firmware knows the board. */
    private static final int QEMU_VENDOR = 0x1af4;

    private static final int QEMU_BOARD = 0x1100;
    private static final int POWER_BASE = 0x40;
    private static final int DEVICE_ACTIVITY_B = 0x58;
    private static final int SMI_ON_COMMAND = 1 << 25;

    /** Told of what the host bridge's registers decode. */
    public interface HostBridgeListener {
        /** The PAM register at {@code offset} has this value now. */
        void attributeMap(int offset, int value);

        void smram(int value);

        /** The power-management ports begin here now. */
        void powerManagementBase(int port);
    }

    private final TreeMap<Integer, PciDevice> functions = new TreeMap<>();
    private final PciDevice host = hostBridge();
    private final PciDevice power = powerManagement();
    private final SystemControl control;
    private final HostBridgeListener listener;
    private int address;
    /** The board's, not a register: it stays as it is from the start on. */
    private boolean managementTaken;

    public PciBus(SystemControl control, HostBridgeListener listener) {
        this.control = control;
        this.listener = listener;
        functions.put(function(0, 0), host);
        functions.put(function(1, 0), isaBridge());
        functions.put(function(1, 3), power);
    }

    private static PciDevice hostBridge() {
        return new PciDevice("host", 0x8086, 0x1237, 0x060000, 0)
                .set(8, 1, 2)
                .set(SUBSYSTEM, 4, QEMU_BOARD << 16 | QEMU_VENDOR)
                .set(VideoWindow.SMRAM, 1, VideoWindow.SMRAM_BASE)
                .allow(ShadowMemory.PAM0, 7, 0x33333333333330L)
                .allow(VideoWindow.SMRAM, 1, SMRAM_WRITABLE);
    }

    /** RESET: every register has its initial value. */
    public void reset() {
        address = 0;
        functions.values().forEach(PciDevice::reset);
        tell(0, PciDevice.SIZE);
        tellPower();
    }

    private void tellPower() {
        listener.powerManagementBase((int) power.read(POWER_BASE, 2) & 0xffc0);
    }

    /** Whether a write to port B2h raises SMI# (82371AB data sheet, "DEVACTB", APMC_EN). */
    public boolean smiOnCommand() {
        return !managementTaken && (power.read(DEVICE_ACTIVITY_B, 4) & SMI_ON_COMMAND) != 0;
    }

    /**
     * Shows the firmware APMC_EN set, as if system management mode had been set up before it, and raises no SMI#: what QEMU does
     * where there is no SMM for the firmware.
     */
    public void takeManagementMode() {
        managementTaken = true;
        power.set(DEVICE_ACTIVITY_B, 4, SMI_ON_COMMAND);
    }

    private void tell(int from, int to) {
        for (int offset = from; offset < to; offset++) {
            if (offset == VideoWindow.SMRAM) {
                listener.smram((int) host.read(offset, 1));
            } else if (offset >= ShadowMemory.PAM0 && offset < ShadowMemory.PAM0 + 7) {
                listener.attributeMap(offset, (int) host.read(offset, 1));
            }
        }
    }

    /** A locked SMRAM register keeps its value but for D_CLS, and cannot be open. */
    private void writeHost(int offset, int bytes, long value) {
        int before = (int) host.read(VideoWindow.SMRAM, 1);
        host.write(offset, bytes, value);
        int after = (int) host.read(VideoWindow.SMRAM, 1);
        if ((before & VideoWindow.SMRAM_LOCKED) != 0) {
            after = before & ~VideoWindow.SMRAM_CLOSED | after & VideoWindow.SMRAM_CLOSED;
        } else if ((after & VideoWindow.SMRAM_LOCKED) != 0) {
            after &= ~VideoWindow.SMRAM_OPEN;
        }
        host.store(VideoWindow.SMRAM, after);
        tell(offset, offset + bytes);
    }

    /** The interrupt routing registers 60h to 63h start with every PIRQ unrouted. */
    private static PciDevice isaBridge() {
        return new PciDevice("isa", 0x8086, 0x7000, 0x060100, 0x80)
                .set(0x60, 4, 0x80808080L)
                .allow(0x60, 4, 0x8f8f8f8fL);
    }

    private static PciDevice powerManagement() {
        return new PciDevice("pm", 0x8086, 0x7113, 0x068000, 0)
                .set(8, 1, 3)
                .set(0x3c, 2, 0x0100 | AcpiPm.SCI)
                .set(POWER_BASE, 4, AcpiPm.EVENT_BLOCK | 1)
                .allow(POWER_BASE, 2, 0xffc0)
                .set(0x80, 1, 1)
                .allow(DEVICE_ACTIVITY_B, 4, SMI_ON_COMMAND);
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
            if (device == host) {
                writeHost((address & 0xfc) + port - DATA, bytes, value);
            } else if (device != null) {
                device.write((address & 0xfc) + port - DATA, bytes, value);
                tellPower();
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
        tellPower();
    }
}

package nestbox.machine.device;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.TreeMap;
import nestbox.core.StateReader;
import nestbox.core.StateWriter;
import nestbox.core.Stateful;
import nestbox.machine.bus.Bus;
import nestbox.machine.bus.PortHandler;

/** QEMU's firmware configuration device (QEMU documentation, "QEMU Firmware Configuration (fw_cfg) Device"), port interface. */
public final class FwCfg implements PortHandler, Stateful {
    private static final int SELECTOR = 0x510;
    private static final int DATA = 0x511;
    private static final int SIGNATURE = 0;
    private static final int ID = 1;
    private static final int UUID = 2;
    private static final int RAM_SIZE = 3;
    private static final int NO_GRAPHIC = 4;
    private static final int NB_CPUS = 5;
    private static final int MAX_CPUS = 0xf;
    /** IRQ 0 is input 2 of the I/O APIC. */
    private static final int IRQ0_OVERRIDE = 0x8002;

    private static final int FILE_DIRECTORY = 0x19;
    /** Only the port interface, no DMA. */
    private static final int FEATURES = 1;

    private final TreeMap<Integer, byte[]> items = new TreeMap<>();
    private int selected;
    private int offset;

    public FwCfg(long ramBytes, int cpus) {
        items.put(SIGNATURE, "QEMU".getBytes(StandardCharsets.US_ASCII));
        items.put(ID, number(4, FEATURES));
        items.put(UUID, new byte[16]);
        items.put(RAM_SIZE, number(8, ramBytes));
        items.put(NO_GRAPHIC, number(2, 1));
        items.put(NB_CPUS, number(2, cpus));
        items.put(MAX_CPUS, number(2, cpus));
        items.put(IRQ0_OVERRIDE, number(4, 1));
        items.put(FILE_DIRECTORY, new byte[4]);
    }

    private static byte[] number(int bytes, long value) {
        byte[] wide = ByteBuffer.allocate(8)
                .order(ByteOrder.LITTLE_ENDIAN)
                .putLong(value)
                .array();
        return java.util.Arrays.copyOf(wide, bytes);
    }

    public void attach(Bus bus) {
        bus.mapPorts(SELECTOR, DATA - SELECTOR + 1, 2, this);
    }

    /** Behind an item's end there are zeros. */
    @Override
    public long in(int port, int bytes) {
        if (port == SELECTOR) {
            return selected;
        }
        byte[] item = items.get(selected);
        return item == null || offset >= item.length ? 0 : item[offset++] & 0xff;
    }

    @Override
    public void out(int port, int bytes, long value) {
        if (port == SELECTOR) {
            selected = (int) value;
            offset = 0;
        }
    }

    @Override
    public void save(StateWriter out) {
        out.section("fw-cfg").writeInt(selected).writeInt(offset);
    }

    @Override
    public void restore(StateReader in) {
        in.section("fw-cfg");
        selected = in.readInt();
        offset = in.readInt(0, Integer.MAX_VALUE);
    }
}

package nestbox.machine.firmware;

import java.util.Arrays;
import nestbox.core.StateReader;
import nestbox.core.StateWriter;
import nestbox.core.Stateful;
import nestbox.mmu.memory.MmioHandler;
import nestbox.mmu.memory.PhysicalMemory;

/**
 * The RAM under C0000h to FFFFFh and the ROM over it: the PAM registers of the i440FX say for each of thirteen segments whether
 * reads and writes go to RAM or to the bus, where the last 128 KiB of the firmware's ROM answer from E0000h on (Intel 440FX
 * data sheet, "PAM - Programmable Attribute Map Registers").
 *
 * <p>Physical memory holds what reads see; the other of the two lies in {@code hidden} and changes places with it when a
 * segment's read enable changes.
 */
public final class ShadowMemory implements Stateful {
    /** Offset of PAM0 in the host bridge's configuration space; seven registers. */
    public static final int PAM0 = 0x59;

    private static final int REGISTERS = 7;
    private static final int START = 0xc0000;
    private static final int LENGTH = 0x40000;
    private static final int SEGMENTS = 13;
    private static final int SMALL = 0x4000;
    private static final int TOP = 0xf0000;
    private static final int READ = 1;
    private static final int WRITE = 2;

    private final PhysicalMemory memory;
    private final byte[] hidden = new byte[LENGTH];
    private final byte[] page = new byte[0x1000];
    private final int[] attributes = new int[SEGMENTS];
    private final WriteThrough[] writeThrough = new WriteThrough[SEGMENTS];

    /** Maps RAM, and {@code rom} over its end; every segment reads from the ROM. */
    public ShadowMemory(PhysicalMemory memory, byte[] rom) {
        this.memory = memory;
        memory.mapRam(START, LENGTH);
        for (int i = 0; i < SEGMENTS; i++) {
            writeThrough[i] = new WriteThrough(start(i));
            cover(i);
        }
        setRom(rom);
    }

    /** Reads come from the ROM, writes go to the RAM behind it. */
    private final class WriteThrough implements MmioHandler {
        private final int start;

        WriteThrough(int start) {
            this.start = start;
        }

        @Override
        public long read(long offset, int size) {
            return memory.readUnder(this, start + offset, size);
        }

        @Override
        public void write(long offset, int size, long value) {
            for (int i = 0; i < size; i++) {
                hidden[start - START + (int) offset + i] = (byte) (value >>> (8 * i));
            }
        }
    }

    /** Another ROM. Every segment reads from it afterwards; the RAM keeps its contents. */
    public void setRom(byte[] rom) {
        reset();
        byte[] bus = new byte[LENGTH];
        Arrays.fill(bus, (byte) 0xff);
        int visible = Math.min(rom.length, (int) (MemoryMap.BIOS_END - MemoryMap.BIOS_START));
        System.arraycopy(rom, rom.length - visible, bus, LENGTH - visible, visible);
        for (int i = 0; i < SEGMENTS; i++) {
            uncover(i);
        }
        memory.copyIn(START, bus, 0, LENGTH);
        for (int i = 0; i < SEGMENTS; i++) {
            cover(i);
        }
    }

    public void reset() {
        for (int i = 0; i < SEGMENTS; i++) {
            setAttribute(i, 0);
        }
    }

    /** A PAM register was written: bits 0 and 1 enable reads and writes of one segment's RAM, bits 4 and 5 those of the next. */
    public void setRegister(int offset, int value) {
        int register = offset - PAM0;
        if (register < 0 || register >= REGISTERS) {
            return;
        }
        if (register > 0) {
            setAttribute(2 * register - 1, value & 3);
            setAttribute(2 * register, value >>> 4 & 3);
        } else {
            setAttribute(0, value >>> 4 & 3);
        }
    }

    private static int start(int segment) {
        return segment == 0 ? TOP : START + (segment - 1) * SMALL;
    }

    private static int length(int segment) {
        return segment == 0 ? 0x10000 : SMALL;
    }

    private void setAttribute(int segment, int attribute) {
        int changed = attributes[segment] ^ attribute;
        if (changed == 0) {
            return;
        }
        uncover(segment);
        attributes[segment] = attribute;
        if ((changed & READ) != 0) {
            exchange(segment);
        }
        cover(segment);
    }

    private void exchange(int segment) {
        int end = start(segment) + length(segment);
        for (int at = start(segment); at < end; at += page.length) {
            memory.copyOut(at, page, 0, page.length);
            memory.copyIn(at, hidden, at - START, page.length);
            System.arraycopy(page, 0, hidden, at - START, page.length);
        }
    }

    private void uncover(int segment) {
        memory.unmap(start(segment), PhysicalMemory.Kind.ROM);
        memory.unmapMmio(writeThrough[segment]);
    }

    private void cover(int segment) {
        int attribute = attributes[segment];
        if (attribute == WRITE) {
            memory.mapMmio(start(segment), length(segment), writeThrough[segment]);
        } else if (attribute != (READ | WRITE)) {
            memory.protect(start(segment), length(segment));
        }
    }

    @Override
    public void save(StateWriter out) {
        out.section("shadow-memory").writeInts(attributes).writeBytes(hidden, 0, LENGTH);
    }

    @Override
    public void restore(StateReader in) {
        in.section("shadow-memory");
        for (int i = 0; i < SEGMENTS; i++) {
            uncover(i);
        }
        in.readInts(attributes);
        in.readBytes(hidden, 0, LENGTH);
        for (int i = 0; i < SEGMENTS; i++) {
            cover(i);
        }
    }
}

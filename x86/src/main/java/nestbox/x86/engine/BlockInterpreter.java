package nestbox.x86.engine;

import nestbox.x86.Cpu;
import nestbox.x86.GuestFault;
import nestbox.x86.Reg;
import nestbox.x86.insn.Decoder;
import nestbox.x86.insn.Insn;

/** Executes decoded blocks, linked to each other while no translation changes. */
public final class BlockInterpreter implements Engine {
    private final Cpu cpu;
    private final BlockCache cache;
    private final ReferenceEngine reference;

    /** @param maxInstructions longest block; traces must not depend on it */
    public BlockInterpreter(Cpu cpu, Decoder decoder, int maxInstructions) {
        this.cpu = cpu;
        this.cache = new BlockCache(cpu, decoder, maxInstructions);
        this.reference = new ReferenceEngine(cpu, decoder);
    }

    @Override
    public void run(long end) {
        Cpu c = cpu;
        Block block = null;
        while (c.retired < end && c.pending == 0) {
            block = next(block);
            if (c.codeSize != 64 && c.rip + block.bytes - 1 > c.limit[Reg.CS]) {
                reference.step();
                block = null;
            } else {
                execute(block, end);
            }
        }
    }

    private Block next(Block from) {
        Cpu c = cpu;
        long epoch = c.mem.fetchEpoch;
        if (from == null) {
            return cache.find();
        }
        long rip = c.rip;
        if (from.epochA == epoch && from.ripA == rip) {
            return from.linkA;
        }
        if (from.epochB == epoch && from.ripB == rip) {
            return from.linkB;
        }
        Block to = cache.find();
        if (to.bytes != 0) {
            link(from, to, rip, c.mem.fetchEpoch);
        }
        return to;
    }

    private static void link(Block from, Block to, long rip, long epoch) {
        if (from.epochA != epoch) {
            from.epochA = epoch;
            from.ripA = rip;
            from.linkA = to;
        } else {
            from.epochB = epoch;
            from.ripB = rip;
            from.linkB = to;
        }
    }

    private void execute(Block block, long end) {
        Cpu c = cpu;
        Insn[] code = block.code;
        long start = c.rip;
        c.r[Reg.BLOCK_RIP] = start;
        c.blockLimit = (int) Math.min(code.length, end - c.retired);
        int i = 0;
        try {
            while (i < c.blockLimit) {
                Insn in = code[i];
                c.cursor = i;
                c.rip = c.wrapRip(start + in.next);
                in.handler.execute(c, in);
                i++;
            }
        } catch (GuestFault fault) {
            c.rip = i == 0 ? start : c.wrapRip(start + code[i - 1].next);
            throw fault;
        } finally {
            c.retired += i;
            c.cursor = 0;
        }
    }
}

package nestbox.x86.engine;

/**
 * Codes of the forms that the {@link BlockInterpreter} executes without a call of their handler. Registers are {@code dst} and
 * {@code src} of the instruction; a source is always {@code r[src] + imm}, with {@code src} = ZERO for immediates and imm = 0
 * for registers. All belong to 64-bit mode with 64-bit addresses. Codes are dense, so that the switch is a jump table.
 */
final class Uop {
    static final int HANDLER = 0;

    static final int MOV64 = 1;
    static final int MOV32 = 2;
    static final int LOAD64 = 3;
    static final int LOAD32 = 4;
    static final int LOAD_ZX16 = 5;
    static final int LOAD_ZX8 = 6;
    static final int LOAD_SX32_64 = 7;
    static final int LOAD_SX8_32 = 8;
    static final int LOAD_SX8_64 = 9;
    static final int STORE64 = 10;
    static final int STORE32 = 11;
    static final int STORE16 = 12;
    static final int STORE8 = 13;
    static final int LEA64 = 14;
    static final int LEA32 = 15;
    static final int MOV_ZX8 = 16;
    static final int MOV_ZX16 = 17;
    static final int MOV_SX32_64 = 18;
    static final int MOV_SX8_32 = 19;
    static final int NOP = 20;

    static final int ADD64 = 21;
    static final int SUB64 = 22;
    static final int AND64 = 23;
    static final int OR64 = 24;
    static final int XOR64 = 25;
    static final int CMP64 = 26;
    static final int TEST64 = 27;
    static final int ADD32 = 28;
    static final int SUB32 = 29;
    static final int AND32 = 30;
    static final int OR32 = 31;
    static final int XOR32 = 32;
    static final int CMP32 = 33;
    static final int TEST32 = 34;
    static final int CMP8 = 35;
    static final int TEST8 = 36;
    static final int INC64 = 37;
    static final int DEC64 = 38;
    static final int INC32 = 39;
    static final int DEC32 = 40;
    static final int SHL64 = 41;
    static final int SHR64 = 42;
    static final int SAR64 = 43;
    static final int SHL32 = 44;
    static final int SHR32 = 45;
    static final int SAR32 = 46;
    static final int IMUL64 = 47;
    static final int IMUL32 = 48;

    /** {@code dst = dst op [mem]}; the operation is {@code opcode}, one of ADD64..XOR64. */
    static final int ALU_LOAD64 = 49;

    static final int ALU_LOAD32 = 50;
    /** {@code [mem] = [mem] op source}. */
    static final int ALU_STORE64 = 51;

    static final int ALU_STORE32 = 52;
    /** CMP r, [mem]. */
    static final int CMP_LOAD64 = 53;

    static final int CMP_LOAD32 = 54;
    /** CMP [mem], source. */
    static final int CMP_MEM64 = 55;

    static final int CMP_MEM32 = 56;
    static final int CMP_MEM8 = 57;
    static final int TEST_MEM8 = 58;

    static final int PUSH64 = 59;
    static final int POP64 = 60;
    static final int CMOV64 = 61;
    static final int CMOV32 = 62;
    static final int SETCC = 63;
    /** {@code dst = src * imm}. */
    static final int IMUL_IMM64 = 64;

    static final int IMUL_IMM32 = 65;

    /** The codes from here on set RIP; all below leave it to the end of the block. */
    static final int FIRST_BRANCH = 66;

    static final int CALL = 66;
    static final int RET = 67;
    static final int JMP = 68;
    static final int JMP_REGISTER = 69;
    static final int CALL_REGISTER = 70;
    /** JO; the other conditions follow in the order of their codes. */
    static final int JCC = 71;

    static final int JO = JCC;
    static final int JNO = JCC + 1;
    static final int JB = JCC + 2;
    static final int JAE = JCC + 3;
    static final int JE = JCC + 4;
    static final int JNE = JCC + 5;
    static final int JBE = JCC + 6;
    static final int JA = JCC + 7;
    static final int JS = JCC + 8;
    static final int JNS = JCC + 9;
    static final int JP = JCC + 10;
    static final int JNP = JCC + 11;
    static final int JL = JCC + 12;
    static final int JGE = JCC + 13;
    static final int JLE = JCC + 14;
    static final int JG = JCC + 15;

    private Uop() {}
}

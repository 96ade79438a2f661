/*
 * The instructions that isavectors.c records: 16 bytes each: kind of operands, flags, length, code. Operands are registers 0 to 3
 * and the 64 bytes at rdi. Kinds: 0 integers, 1 singles, 2 doubles, 3 halves, 4 and 5 small indices of 32 and 64 bits, 6 strings.
 * Flags: 1 the last byte is a random immediate, 2 all exceptions masked.
 */
    .intel_syntax noprefix
    .section .rodata
    .globl forms, forms_end
    .macro FORM kind flags text:vararg
9:  .byte \kind, \flags, 8f-7f
7:  \text
8:  .org 9b+16
    .endm
    /* legacy, two operands */
    .macro S2 kind ops:vararg
    .irp op, \ops
    FORM \kind, 0, \op xmm0, xmm1
    FORM \kind, 0, \op xmm0, xmm0
    FORM \kind, 0, \op xmm0, [rdi+16]
    .endr
    .endm
    .macro S2I kind flags ops:vararg
    .irp op, \ops
    FORM \kind, \flags, \op xmm0, xmm1, 0
    FORM \kind, \flags, \op xmm0, xmm0, 0
    FORM \kind, \flags, \op xmm0, [rdi+16], 0
    .endr
    .endm
    .macro MMX ops:vararg
    .irp op, \ops
    FORM 0, 0, \op mm0, mm1
    FORM 0, 0, \op mm0, [rdi+8]
    .endr
    S2 0, \ops
    .endm
    /* VEX, three operands */
    .macro X3 kind ops:vararg
    .irp op, \ops
    FORM \kind, 0, \op xmm0, xmm1, xmm2
    FORM \kind, 0, \op xmm0, xmm0, [rdi+8]
    .endr
    .endm
    .macro Y3 kind ops:vararg
    .irp op, \ops
    FORM \kind, 0, \op ymm0, ymm1, ymm2
    FORM \kind, 0, \op ymm0, ymm1, ymm0
    FORM \kind, 0, \op ymm0, ymm0, [rdi+8]
    .endr
    .endm
    .macro P3 kind ops:vararg
    X3 \kind, \ops
    Y3 \kind, \ops
    .endm
    .macro X3I kind flags ops:vararg
    .irp op, \ops
    FORM \kind, \flags, \op xmm0, xmm1, xmm2, 0
    FORM \kind, \flags, \op xmm0, xmm0, [rdi+8], 0
    .endr
    .endm
    .macro Y3I kind flags ops:vararg
    .irp op, \ops
    FORM \kind, \flags, \op ymm0, ymm1, ymm2, 0
    FORM \kind, \flags, \op ymm0, ymm1, ymm0, 0
    FORM \kind, \flags, \op ymm0, ymm0, [rdi+8], 0
    .endr
    .endm
    .macro P3I kind flags ops:vararg
    X3I \kind, \flags, \ops
    Y3I \kind, \flags, \ops
    .endm
    .macro P2 kind ops:vararg
    .irp op, \ops
    FORM \kind, 0, \op xmm0, xmm2
    FORM \kind, 0, \op ymm0, ymm2
    FORM \kind, 0, \op ymm0, ymm0
    FORM \kind, 0, \op xmm0, xmmword ptr [rdi+8]
    FORM \kind, 0, \op ymm0, ymmword ptr [rdi+8]
    .endr
    .endm
    .macro P2I kind ops:vararg
    .irp op, \ops
    FORM \kind, 1, \op xmm0, xmm2, 0
    FORM \kind, 1, \op ymm0, ymm2, 0
    FORM \kind, 1, \op ymm0, [rdi+8], 0
    .endr
    .endm
    /* widening: an XMM source or half of it */
    .macro W2 kind xbytes:req ybytes:req ops:vararg
    .irp op, \ops
    FORM \kind, 0, \op xmm0, xmm2
    FORM \kind, 0, \op ymm0, xmm2
    FORM \kind, 0, \op ymm0, xmm0
    FORM \kind, 0, \op xmm0, \xbytes ptr [rdi+9]
    FORM \kind, 0, \op ymm0, \ybytes ptr [rdi+9]
    .endr
    .endm
    /* narrowing */
    .macro N2 kind ops:vararg
    .irp op, \ops
    FORM \kind, 0, \op xmm0, xmm2
    FORM \kind, 0, \op xmm0, ymm2
    FORM \kind, 0, \op xmm0, ymm0
    FORM \kind, 0, \op xmm0, xmmword ptr [rdi+8]
    FORM \kind, 0, \op xmm0, ymmword ptr [rdi+8]
    .endr
    .endm
forms:
    /* SSE3 */
    S2 0, movsldup, movddup, movshdup
    S2 2, haddpd, hsubpd, addsubpd
    S2 1, haddps, hsubps, addsubps
    FORM 0, 0, lddqu xmm0, [rdi+3]
    /* SSSE3 */
    MMX pshufb, phaddw, phaddd, phaddsw, pmaddubsw, phsubw, phsubd, phsubsw, psignb, psignw, psignd, pmulhrsw, pabsb, pabsw, pabsd
    S2I 0, 1, palignr
    FORM 0, 1, palignr mm0, mm1, 0
    /* SSE4 */
    S2 0, pblendvb, blendvps, blendvpd, ptest, pmovsxbw, pmovzxbw, pmovsxbd, pmovzxbd, pmovsxbq, pmovzxbq, pmovsxwd, pmovzxwd
    S2 0, pmovsxwq, pmovzxwq, pmovsxdq, pmovzxdq, pmuldq, pcmpeqq, packusdw, pminsb, pminsd, pminuw, pminud, pmaxsb, pmaxsd
    S2 0, pmaxuw, pmaxud, pmulld, phminposuw, pcmpgtq
    FORM 0, 0, movntdqa xmm0, [rdi]
    S2I 1, 1, roundps, roundss
    S2I 2, 1, roundpd, roundsd
    S2I 0, 1, blendps, blendpd, pblendw, mpsadbw, insertps
    S2I 1, 3, dpps
    S2I 2, 3, dppd
    FORM 0, 1, pextrb eax, xmm1, 0
    FORM 0, 1, pextrb [rdi+5], xmm1, 0
    FORM 0, 1, pextrw [rdi+5], xmm1, 0
    FORM 0, 1, pextrd eax, xmm1, 0
    FORM 0, 1, pextrd [rdi+5], xmm1, 0
    FORM 0, 1, pextrq rax, xmm1, 0
    FORM 0, 1, pextrq [rdi+5], xmm1, 0
    FORM 0, 1, extractps eax, xmm1, 0
    FORM 0, 1, pinsrb xmm0, eax, 0
    FORM 0, 1, pinsrb xmm0, [rdi+7], 0
    FORM 0, 1, pinsrd xmm0, eax, 0
    FORM 0, 1, pinsrd xmm0, [rdi+7], 0
    FORM 0, 1, pinsrq xmm0, rax, 0
    FORM 0, 1, pinsrq xmm0, [rdi+7], 0
    S2I 6, 1, pcmpestrm, pcmpestri, pcmpistrm, pcmpistri
    FORM 6, 1, rex.w pcmpestri xmm0, xmm1, 0
    /* AES, PCLMULQDQ, SHA, SSE4A */
    S2 0, aesimc, aesenc, aesenclast, aesdec, aesdeclast, sha1nexte, sha1msg1, sha1msg2, sha256rnds2, sha256msg1, sha256msg2
    S2I 0, 1, aeskeygenassist, pclmulqdq, sha1rnds4
    FORM 0, 0, extrq xmm0, xmm1
    FORM 0, 1, extrq xmm0, 7, 0
    FORM 0, 1, extrq xmm0, 40, 0
    FORM 0, 0, insertq xmm0, xmm1
    FORM 0, 1, insertq xmm0, xmm1, 7, 0
    FORM 0, 1, insertq xmm0, xmm1, 40, 0
    FORM 0, 0, movntss [rdi+5], xmm1
    FORM 0, 0, movntsd [rdi+5], xmm1
    /* AVX and AVX2: integers */
    P3 0, vpunpcklbw, vpunpcklwd, vpunpckldq, vpacksswb, vpcmpgtb, vpcmpgtw, vpcmpgtd, vpackuswb, vpunpckhbw, vpunpckhwd, vpunpckhdq
    P3 0, vpackssdw, vpcmpeqb, vpcmpeqw, vpcmpeqd, vpaddq, vpmullw, vpsubusb, vpsubusw, vpminub, vpand, vpaddusb, vpaddusw, vpmaxub
    P3 0, vpandn, vpavgb, vpavgw, vpmulhuw, vpmulhw, vpsubsb, vpsubsw, vpminsw, vpor, vpaddsb, vpaddsw, vpmaxsw, vpxor, vpmuludq
    P3 0, vpmaddwd, vpsadbw, vpsubb, vpsubw, vpsubd, vpsubq, vpaddb, vpaddw, vpaddd, vpunpcklqdq, vpunpckhqdq
    P3 0, vpshufb, vphaddw, vphaddd, vphaddsw, vpmaddubsw, vphsubw, vphsubd, vphsubsw, vpsignb, vpsignw, vpsignd, vpmulhrsw
    P3 0, vpmuldq, vpcmpeqq, vpackusdw, vpminsb, vpminsd, vpminuw, vpminud, vpmaxsb, vpmaxsd, vpmaxuw, vpmaxud, vpmulld, vpcmpgtq
    P3 0, vpsllvd, vpsllvq, vpsrlvd, vpsrlvq, vpsravd, vaesenc, vaesenclast, vaesdec, vaesdeclast
    .irp op, vpsrlw, vpsrld, vpsrlq, vpsraw, vpsrad, vpsllw, vpslld, vpsllq
    X3 0, \op
    FORM 0, 0, \op ymm0, ymm1, xmm2
    FORM 0, 0, \op ymm0, ymm1, xmm0
    FORM 0, 0, \op ymm0, ymm0, [rdi+8]
    FORM 0, 1, \op xmm0, xmm1, 0
    FORM 0, 1, \op ymm0, ymm1, 0
    .endr
    .irp op, vpsrldq, vpslldq
    FORM 0, 1, \op xmm0, xmm1, 0
    FORM 0, 1, \op ymm0, ymm1, 0
    FORM 0, 1, \op ymm0, ymm0, 0
    .endr
    P2 0, vpabsb, vpabsw, vpabsd, vptest, vtestps, vtestpd
    P2I 0, vpshufd, vpshufhw, vpshuflw, vpermilps, vpermilpd
    P3I 0, 1, vpalignr, vpblendw, vmpsadbw, vpclmulqdq, vblendps, vblendpd, vshufps, vshufpd, vpblendd
    P3 0, vpermilps, vpermilpd, vandps, vandpd, vandnps, vandnpd, vorps, vorpd, vxorps, vxorpd, vunpcklps, vunpcklpd, vunpckhps, vunpckhpd
    W2 0, qword, xmmword, vpmovsxbw, vpmovzxbw, vpmovsxwd, vpmovzxwd, vpmovsxdq, vpmovzxdq
    W2 0, dword, qword, vpmovsxbd, vpmovzxbd, vpmovsxwq, vpmovzxwq
    W2 0, word, dword, vpmovsxbq, vpmovzxbq
    FORM 0, 0, vphminposuw xmm0, xmm1
    FORM 0, 0, vaesimc xmm0, xmm1
    FORM 0, 1, vaeskeygenassist xmm0, xmm1, 0
    .irp op, vpcmpestrm, vpcmpestri, vpcmpistrm, vpcmpistri
    FORM 6, 1, \op xmm0, xmm1, 0
    FORM 6, 1, \op xmm0, [rdi+1], 0
    .endr
    .irp op, vpblendvb, vblendvps, vblendvpd
    FORM 0, 0, \op xmm0, xmm1, xmm2, xmm3
    FORM 0, 0, \op ymm0, ymm1, ymm2, ymm3
    FORM 0, 0, \op ymm0, ymm0, [rdi+8], ymm0
    .endr
    .irp r, xmm1, ymm1
    FORM 0, 0, vpmovmskb eax, \r
    FORM 0, 0, vmovmskps eax, \r
    FORM 0, 0, vmovmskpd eax, \r
    .endr
    FORM 0, 1, vpextrb eax, xmm1, 0
    FORM 0, 1, vpextrb [rdi+5], xmm1, 0
    FORM 0, 1, vpextrw eax, xmm1, 0
    FORM 0, 1, vpextrw [rdi+5], xmm1, 0
    FORM 0, 1, vpextrd eax, xmm1, 0
    FORM 0, 1, vpextrq rax, xmm1, 0
    FORM 0, 1, vpextrq [rdi+5], xmm1, 0
    FORM 0, 1, vextractps eax, xmm1, 0
    FORM 0, 1, vpinsrb xmm0, xmm1, eax, 0
    FORM 0, 1, vpinsrb xmm0, xmm1, [rdi+7], 0
    FORM 0, 1, vpinsrw xmm0, xmm1, eax, 0
    FORM 0, 1, vpinsrw xmm0, xmm1, [rdi+7], 0
    FORM 0, 1, vpinsrd xmm0, xmm1, eax, 0
    FORM 0, 1, vpinsrd xmm0, xmm1, [rdi+7], 0
    FORM 0, 1, vpinsrq xmm0, xmm1, rax, 0
    FORM 0, 1, vinsertps xmm0, xmm1, xmm2, 0
    FORM 0, 1, vinsertps xmm0, xmm0, [rdi+7], 0
    /* moves */
    .irp op, vmovups, vmovupd, vmovdqu
    P2 0, \op
    FORM 0, 0, \op [rdi+5], xmm1
    FORM 0, 0, \op [rdi+5], ymm1
    .endr
    .irp op, vmovaps, vmovapd, vmovdqa
    FORM 0, 0, \op xmm0, xmm1
    FORM 0, 0, \op ymm0, ymm1
    FORM 0, 0, \op xmm0, [rdi+16]
    FORM 0, 0, \op ymm0, [rdi+32]
    FORM 0, 0, \op [rdi+16], xmm1
    FORM 0, 0, \op [rdi+32], ymm1
    .endr
    .irp op, vmovntps, vmovntpd, vmovntdq
    FORM 0, 0, \op [rdi+16], xmm1
    FORM 0, 0, \op [rdi+32], ymm1
    .endr
    FORM 0, 0, vmovntdqa xmm0, [rdi+16]
    FORM 0, 0, vmovntdqa ymm0, [rdi+32]
    FORM 0, 0, vlddqu xmm0, [rdi+1]
    FORM 0, 0, vlddqu ymm0, [rdi+1]
    .irp op, vmovss, vmovsd
    FORM 0, 0, \op xmm0, xmm1, xmm2
    FORM 0, 0, \op xmm0, xmm1, xmm0
    FORM 0, 0, \op xmm0, [rdi+3]
    FORM 0, 0, \op [rdi+3], xmm1
    .endr
    FORM 0, 0, vmovhlps xmm0, xmm1, xmm2
    FORM 0, 0, vmovlhps xmm0, xmm1, xmm2
    FORM 0, 0, vmovhlps xmm0, xmm1, xmm0
    .irp op, vmovlps, vmovlpd, vmovhps, vmovhpd
    FORM 0, 0, \op xmm0, xmm1, [rdi+3]
    FORM 0, 0, \op [rdi+3], xmm1
    .endr
    P2 0, vmovsldup, vmovshdup
    FORM 0, 0, vmovddup xmm0, xmm1
    FORM 0, 0, vmovddup xmm0, [rdi+3]
    FORM 0, 0, vmovddup ymm0, ymm1
    FORM 0, 0, vmovddup ymm0, [rdi+3]
    FORM 0, 0, vmovd xmm0, eax
    FORM 0, 0, vmovq xmm0, rax
    FORM 0, 0, vmovd eax, xmm1
    FORM 0, 0, vmovq rax, xmm1
    FORM 0, 0, vmovd xmm0, [rdi+3]
    FORM 0, 0, vmovq xmm0, xmm1
    FORM 0, 0, vmovq xmm0, [rdi+3]
    FORM 0, 0, vmovq [rdi+3], xmm1
    FORM 0, 0, vmaskmovdqu xmm1, xmm2
    FORM 0, 0, vzeroupper
    FORM 0, 0, vzeroall
    /* floating point */
    P3 1, vaddps, vmulps, vsubps, vminps, vdivps, vmaxps, vhaddps, vhsubps, vaddsubps
    P3 2, vaddpd, vmulpd, vsubpd, vminpd, vdivpd, vmaxpd, vhaddpd, vhsubpd, vaddsubpd
    X3 1, vaddss, vmulss, vsubss, vminss, vdivss, vmaxss, vsqrtss, vcvtss2sd
    X3 2, vaddsd, vmulsd, vsubsd, vminsd, vdivsd, vmaxsd, vsqrtsd, vcvtsd2ss
    P2 1, vsqrtps
    P2 2, vsqrtpd
    P3I 1, 1, vcmpps
    P3I 2, 1, vcmppd
    X3I 1, 1, vcmpss, vroundss
    X3I 2, 1, vcmpsd, vroundsd
    P2I 1, vroundps
    P2I 2, vroundpd
    P3I 1, 3, vdpps
    X3I 2, 3, vdppd
    .irp op, vucomiss, vcomiss
    FORM 1, 0, \op xmm0, xmm1
    FORM 1, 0, \op xmm0, [rdi+4]
    .endr
    FORM 2, 0, vucomisd xmm0, xmm1
    FORM 2, 0, vcomisd xmm0, xmm1
    FORM 1, 0, vcvtss2si eax, xmm1
    FORM 1, 0, vcvtss2si rax, xmm1
    FORM 1, 0, vcvttss2si eax, xmm1
    FORM 1, 0, vcvttss2si rax, [rdi+4]
    FORM 2, 0, vcvtsd2si eax, xmm1
    FORM 2, 0, vcvtsd2si rax, xmm1
    FORM 2, 0, vcvttsd2si eax, xmm1
    FORM 2, 0, vcvttsd2si rax, [rdi+8]
    FORM 0, 0, vcvtsi2ss xmm0, xmm1, eax
    FORM 0, 0, vcvtsi2ss xmm0, xmm1, rax
    FORM 0, 0, vcvtsi2sd xmm0, xmm1, eax
    FORM 0, 0, vcvtsi2sd xmm0, xmm1, rax
    FORM 0, 0, vcvtsi2sd xmm0, xmm1, qword ptr [rdi+3]
    W2 1, qword, xmmword, vcvtps2pd
    W2 0, qword, xmmword, vcvtdq2pd
    N2 2, vcvtpd2ps, vcvtpd2dq, vcvttpd2dq
    P2 0, vcvtdq2ps
    P2 1, vcvtps2dq, vcvttps2dq
    W2 3, qword, xmmword, vcvtph2ps
    FORM 1, 1, vcvtps2ph xmm0, xmm1, 0
    FORM 1, 1, vcvtps2ph xmm0, ymm1, 0
    FORM 1, 1, vcvtps2ph [rdi+3], xmm1, 0
    FORM 1, 1, vcvtps2ph [rdi+3], ymm1, 0
    .irp n, 132, 213, 231
    P3 1, vfmadd\n\()ps, vfmsub\n\()ps, vfnmadd\n\()ps, vfnmsub\n\()ps, vfmaddsub\n\()ps, vfmsubadd\n\()ps
    P3 2, vfmadd\n\()pd, vfmsub\n\()pd, vfnmadd\n\()pd, vfnmsub\n\()pd, vfmaddsub\n\()pd, vfmsubadd\n\()pd
    X3 1, vfmadd\n\()ss, vfmsub\n\()ss, vfnmadd\n\()ss, vfnmsub\n\()ss
    X3 2, vfmadd\n\()sd, vfmsub\n\()sd, vfnmadd\n\()sd, vfnmsub\n\()sd
    .endr
    /* broadcasts, permutes, masks, gathers */
    .irp op, vbroadcastss, vpbroadcastb, vpbroadcastw, vpbroadcastd, vpbroadcastq
    FORM 0, 0, \op xmm0, xmm1
    FORM 0, 0, \op ymm0, xmm1
    FORM 0, 0, \op xmm0, [rdi+3]
    FORM 0, 0, \op ymm0, [rdi+3]
    .endr
    FORM 0, 0, vbroadcastsd ymm0, xmm0
    FORM 0, 0, vbroadcastsd ymm0, [rdi+3]
    FORM 0, 0, vbroadcastf128 ymm0, [rdi+3]
    FORM 0, 0, vbroadcasti128 ymm0, [rdi+3]
    .irp s, f, i
    FORM 0, 1, vinsert\s\()128 ymm0, ymm1, xmm2, 0
    FORM 0, 1, vinsert\s\()128 ymm0, ymm1, xmm0, 0
    FORM 0, 1, vinsert\s\()128 ymm0, ymm1, [rdi+3], 0
    FORM 0, 1, vextract\s\()128 xmm0, ymm1, 0
    FORM 0, 1, vextract\s\()128 [rdi+3], ymm1, 0
    Y3I 0, 1, vperm2\s\()128
    .endr
    .irp op, vpermq, vpermpd
    FORM 0, 1, \op ymm0, ymm1, 0
    FORM 0, 1, \op ymm0, ymm0, 0
    FORM 0, 1, \op ymm0, [rdi+3], 0
    .endr
    Y3 0, vpermd, vpermps
    .irp op, vmaskmovps, vmaskmovpd, vpmaskmovd, vpmaskmovq
    FORM 0, 0, \op xmm0, xmm1, [rdi+3]
    FORM 0, 0, \op ymm0, ymm1, [rdi+3]
    FORM 0, 0, \op [rdi+3], xmm1, xmm2
    FORM 0, 0, \op [rdi+3], ymm1, ymm2
    .endr
    .irp op, vpgatherdd, vgatherdps
    FORM 4, 0, \op xmm0, [rdi+xmm2*4], xmm1
    FORM 4, 0, \op ymm0, [rdi+ymm2*4], ymm1
    .endr
    .irp op, vpgatherdq, vgatherdpd
    FORM 4, 0, \op xmm0, [rdi+xmm2*8], xmm1
    FORM 4, 0, \op ymm0, [rdi+xmm2*8], ymm1
    .endr
    .irp op, vpgatherqd, vgatherqps
    FORM 5, 0, \op xmm0, [rdi+xmm2*4], xmm1
    FORM 5, 0, \op xmm0, [rdi+ymm2*4], xmm1
    .endr
    .irp op, vpgatherqq, vgatherqpd
    FORM 5, 0, \op xmm0, [rdi+xmm2*8], xmm1
    FORM 5, 0, \op ymm0, [rdi+ymm2*8], ymm1
    .endr
forms_end:
    .section .note.GNU-stack, "", @progbits

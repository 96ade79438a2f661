;; scenario S-PDPTR: PDPTE registers of L1 after an entry that only hardware refuses
;; origin   patch 1/3 of 4 June 2026 (nVMX: unwind PDPTR load if processor triggers a nested VMFail) and the reply of 9 June
;; note     With EPT the registers are read back from vmcs01, whatever the policy.
;; include  pdptr
;; right    A
;; cell     bare                                    -> right
;; cell     tdp                                     -> right
;; cell     tdp vmfail.pdptr=memory                 -> right
;; cell     tdp vmfail.pdptr=none                   -> right
;; cell     shadow vmfail.pdptr=snapshot            -> right
;; cell     shadow vmfail.pdptr=memory              -> right
;; cell     shadow vmfail.pdptr=none                -> wrong B
P1      equ PDA + 1

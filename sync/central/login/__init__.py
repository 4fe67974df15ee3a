"""登录验证: the login that a kiosk tries out for a member, with the key's signature and the SMS code."""

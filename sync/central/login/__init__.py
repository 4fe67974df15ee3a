"""登录验证: a trial login at a kiosk, with the key's signature and the SMS code."""
